// Shows each notice of the person's own server as one of JupyterLab's notifications, until it is over or closed.
// JupyterLab loads this file as it is: what it needs are commands of JupyterLab's own, so nothing is built.
"use strict";
(() => {
  const EVERY = 60_000, READ = "alphapulse:read-notice", KEY = "alphapulse-notice-closed";

  function activate(app) {
    const shown = new Map(); // a notice's name: its text, and the notification's number

    function isRead(id) {
      try { return localStorage.getItem(KEY) === id; } catch { return false; }
    }

    app.commands.addCommand(READ, {
      label: "Do not show this notice again",
      isVisible: () => false,
      execute: ({ id }) => {
        try { localStorage.setItem(KEY, id); } catch { /* no storage: it comes again with the next window */ }
      },
    });

    async function show({ name, id, text, type }) {
      if (shown.get(name)?.text === text) return;
      await hide(name);
      // What an administrator says may be put away for good; a full disk comes back until it is less full.
      const actions = id ? [{ label: "Do not show again", commandId: READ, args: { id }, displayType: "default" }] : [];
      const options = { autoClose: false, actions };
      const number = await app.commands.execute("apputils:notify", { message: text, type, options });
      shown.set(name, { text, number });
    }

    async function hide(name) {
      if (!shown.has(name)) return;
      await app.commands.execute("apputils:dismiss-notification", { id: shown.get(name).number });
      shown.delete(name);
    }

    async function look() {
      let answer;
      try {
        const headers = { "X-XSRFToken": document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "" };
        answer = await fetch(`${app.serviceManager.serverSettings.baseUrl}alphapulse/notices`, { headers });
      } catch {
        return; // the server is away, which JupyterLab itself says
      }
      if (!answer.ok) return;
      const notices = (await answer.json()).filter((notice) => !notice.id || !isRead(notice.id));
      for (const name of [...shown.keys()]) if (!notices.some((notice) => notice.name === name)) await hide(name);
      for (const notice of notices) await show(notice);
    }

    app.restored.then(() => {
      look();
      setInterval(look, EVERY);
    });
  }

  const plugin = { id: "alphapulse-notices:plugin", autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["alphapulse-notices"] = {
    init() {},
    async get() {
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
