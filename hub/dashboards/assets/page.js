"use strict";
// What the page can do without the server: light and dark, the numbers under the pointer, sorting a table, how long ago.
document.getElementById("theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("alphapulse-theme", root.dataset.theme); } catch (refused) { /* for this page alone, then */ }
  document.dispatchEvent(new Event("themechange"));
});

document.addEventListener("pointerover", (event) => {
  const figure = event.target.closest?.("figure.chart");
  if (figure && !figure.dataset.heard) { figure.dataset.heard = "yes"; underPointer(figure); }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("th button[data-column]");
  if (!button) return;
  const head = button.closest("th"), body = head.closest("table").tBodies[0], column = head.cellIndex;
  const falling = head.getAttribute("aria-sort") !== "descending";
  for (const each of head.parentElement.children) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)], numeric = x !== "" && y !== "" && !Number.isNaN(+x) && !Number.isNaN(+y);
    if (!numeric && (x === "") !== (y === "")) return x === "" ? 1 : -1;
    return (falling ? -1 : 1) * (numeric ? x - y : x.localeCompare(y));
  };
  body.append(...[...body.rows].sort(order));
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy), words = button.textContent;
  field.select();
  let copied;  // a page without TLS may not write to the clipboard; the older way may
  try { await navigator.clipboard.writeText(field.value); copied = true; } catch (refused) { copied = document.execCommand("copy"); }
  button.textContent = copied ? "Copied" : "Press Ctrl and C";
  setTimeout(() => { button.textContent = words; }, 3_000);
});

setInterval(() => {
  for (const each of document.querySelectorAll("time[data-ago]")) {
    const away = (Date.parse(each.dateTime) - Date.now()) / 1000, seconds = Math.floor(Math.abs(away));
    const [length, unit] = [[86400, "day"], [3600, "h"], [60, "min"], [1, "s"]].find(([length]) => seconds >= length) ?? [1, "s"];
    const count = Math.floor(seconds / length), told = `${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`;
    each.textContent = seconds < 10 ? "now" : away > 0 ? `in ${told}` : `${told} ago`;
  }
}, 5_000);
