"use strict";
// The numbers under the pointer, for a drawn chart: each `figure.chart` carries them as JSON.
function element(name, parent) {
  const made = document.createElement("div");
  made.className = name;
  parent.append(made);
  return made;
}

function nearest(places, wanted) {
  let low = 0, high = places.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] < wanted) low = middle; else high = middle;
  }
  return wanted - places[low] < places[high] - wanted ? low : high;
}

function underPointer(figure) {
  const plot = figure.querySelector(".plot");
  const data = JSON.parse(figure.querySelector("script").textContent);
  let cross, tip;
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const at = nearest(data.x, (event.clientX - box.left) / box.width * 1000);
    cross ??= element("cross", plot);
    tip ??= element("tip", plot);
    cross.hidden = tip.hidden = false;
    cross.style.left = `${data.x[at] / 10}%`;
    tip.replaceChildren(document.createTextNode(data.t[at]));
    for (const [name, values] of Object.entries(data.s)) {
      if (!values[at]) continue;
      const value = document.createElement("b");
      value.textContent = values[at];
      tip.append(document.createElement("br"), `${name} `, value);
    }
    const right = data.x[at] > 500;
    tip.style.left = right ? "auto" : `calc(${data.x[at] / 10}% + 10px)`;
    tip.style.right = right ? `calc(${100 - data.x[at] / 10}% + 10px)` : "auto";
  });
  plot.addEventListener("pointerleave", () => { if (cross) cross.hidden = tip.hidden = true; });
}
