"use strict";
// What an administrator says to everybody (PUT /services/api/v1/notice): shown in #notice until it is over, or closed by
// whoever reads it. The hub's own pages have this script too.
(() => {
  const place = document.getElementById("notice"), KEY = "alphapulse-notice-closed", EVERY = 60_000;
  if (!place) return;
  let shown = "", closed = "";
  try { closed = localStorage.getItem(KEY) ?? ""; } catch (refused) { /* no storage: it comes again on the next page */ }

  function show({id, text}) {
    const wanted = text && id !== closed ? id : "";
    if (wanted === shown) return;
    shown = wanted;
    place.replaceChildren(...(wanted ? [box(id, text)] : []));
  }

  function box(id, text) {
    const made = document.createElement("div"), words = document.createElement("p"), button = document.createElement("button");
    made.className = "said";
    words.textContent = text;
    button.type = "button";
    button.textContent = "Close";
    button.setAttribute("aria-label", "Close this notice");
    button.addEventListener("click", () => close(id));
    made.append(words, button);
    return made;
  }

  function close(id) {
    closed = id;
    try { localStorage.setItem(KEY, id); } catch (refused) { /* for this page alone, then */ }
    show({id, text: ""});
    document.getElementById("main")?.focus({preventScroll: true});
  }

  async function look() {
    try {
      const answer = await fetch("/services/api/notice", {cache: "no-store"});
      if (answer.ok) show(await answer.json());
    } catch (away) { /* the API is away: what was said last stays */ }
  }
  look();
  setInterval(look, EVERY);
})();
