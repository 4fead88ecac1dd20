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

document.querySelectorAll("figure.chart").forEach(underPointer);
