// Puts the server's HTML into its slots, and tells the server which control was used. See bridge.py.
const slot = (name) => document.querySelector(`[data-slot="${CSS.escape(name)}"]`);
const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

// The button that compares waits until as many are ticked as can be compared.
function count(form) {
  const ticked = form.querySelectorAll("[data-pick]:checked").length, most = +form.dataset.most;
  form.querySelector("[data-compare]").disabled = ticked < 2 || ticked > most;
  form.querySelector("[data-picked]").textContent =
    ticked > most ? `${ticked} are ticked; at most ${most} can be compared.` :
    ticked > 1 ? `${ticked} runs are ticked.` : "Tick two to six runs to compare them.";
}

function put(place, html) {
  // What a person has opened, ticked, written, or stands on, stays so.
  const open = new Set([...place.querySelectorAll("details[open][data-key]")].map((each) => each.dataset.key));
  const active = place.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const scrolled = [...place.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
  const ticked = new Set([...place.querySelectorAll("[data-pick]:checked")].map((each) => each.value));
  const written = new Map([...place.querySelectorAll("[data-kept]")].map((each) => [each.name, each.value]));
  place.innerHTML = html;
  for (const each of place.querySelectorAll("[data-kept]")) {
    const fresh = each.value;
    each.value = written.get(each.name) ?? fresh;
    each.value ||= fresh;  // what was chosen may be gone
  }
  for (const each of place.querySelectorAll("[data-address]")) each.value = new URL(each.dataset.address, location.href);
  for (const each of place.querySelectorAll("[data-pick]")) each.checked = ticked.has(each.value);
  place.querySelectorAll("form[data-picks]").forEach(count);
  for (const each of place.querySelectorAll("details[data-key]")) if (open.has(each.dataset.key)) each.open = true;
  place.querySelectorAll(".scroll").forEach((each, at) => { if (scrolled[at]) [each.scrollLeft, each.scrollTop] = scrolled[at]; });
  if (active) place.querySelector(`[data-focus="${CSS.escape(active)}"]`)?.focus({preventScroll: true});
}

const hear = {
  html({slot: name, html, state}) {
    const place = slot(name);
    if (!place) return;
    put(place, html);
    place.dataset.state = state;
    place.setAttribute("aria-busy", state === "loading");
    place.closest("section")?.setAttribute("data-state", state);
  },
  note({text, tone}) {
    const notes = document.getElementById("notes");
    const made = document.createElement("p");
    made.className = `note ${tone}`;
    const parts = text.split("`");  // commands stand between backticks, as in what is rendered
    const code = (words) => Object.assign(document.createElement("code"), {textContent: words});
    made.append(...(parts.length % 2 ? parts.map((part, at) => at % 2 ? code(part) : part) : [text]));
    notes.append(made);
    setTimeout(() => made.remove(), tone === "bad" ? 12_000 : 5_000);
  },
  address({query}) { history.replaceState(null, "", location.pathname + query + location.hash); },
  title({text}) { document.title = text; },
  fill({form, fields}) {
    const found = document.getElementById(form);
    for (const [name, value] of Object.entries(fields)) if (found?.elements[name]) found.elements[name].value = value;
  },
  clear({form}) { document.getElementById(form)?.reset(); },
  focus({target}) { document.getElementById(target)?.focus(); },
  go({to}) { location.assign(to); },
  pong() {},
};

export function render({model, el}) {
  el.hidden = true;
  const say = (act, value = "", fields = {}) => model.send_msg({act, value, fields});
  let answered = Date.now();
  model.on("msg:custom", (message) => { answered = Date.now(); hear[message.kind]?.(message); });

  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-act]");
    if (!control || control.matches("form, select, input")) return;
    if (control.matches("a") && (event.ctrlKey || event.metaKey || event.shiftKey)) return;
    event.preventDefault();
    if (control.dataset.ask && !confirm(control.dataset.ask)) return;
    say(control.dataset.act, control.dataset.value ?? "");
  });
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    say(form.dataset.act, form.dataset.value ?? "", Object.fromEntries(new FormData(form)));
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-pick]")) count(event.target.form);
    const control = event.target.closest("select[data-act], input[data-act]");
    if (control) say(control.dataset.act, control.value, control.form ? Object.fromEntries(new FormData(control.form)) : {});
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form?.requestSubmit();
  });

  const told = () => say("theme", dark() ? "dark" : "light");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);
  document.addEventListener("themechange", told);

  // The server's half of the page is gone when the service was restarted: say so, and open the page again when it is back.
  let lost = false;
  for (const each of window.Bokeh?.documents ?? []) each.on_event("connection_lost", () => { lost = true; watch(); });
  const watch = async () => {
    if (document.hidden && !lost) { answered = Date.now(); return; }
    if (!lost && Date.now() - answered < 25_000) { say("ping"); return; }
    lost = true;
    document.body.dataset.connection = "lost";
    try {
      if ((await fetch("health", {cache: "no-store"})).ok && !document.querySelector("textarea")?.value) location.reload();
    } catch (away) { /* not back yet */ }
  };
  setInterval(watch, 8_000);

  say("ready", dark() ? "dark" : "light");
}
