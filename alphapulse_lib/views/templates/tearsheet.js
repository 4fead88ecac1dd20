"use strict";
// The page is whole without this: it adds the theme switch and the numbers under the pointer.
const root = document.documentElement;
try {
  const lab = window.parent !== window && window.parent.document.body.dataset.jpThemeLight;
  if (lab) root.dataset.theme = lab === "false" ? "dark" : "light";
} catch (refused) { /* another origin's frame: the system's choice stands */ }

const button = document.querySelector("button.theme");
if (button) button.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

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

for (const figure of document.querySelectorAll("figure.chart")) {
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
