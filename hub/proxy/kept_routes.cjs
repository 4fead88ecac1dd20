// The proxy's ways, kept in a file that CONFIGPROXY_ROUTES names: one that is started anew knows them at once, where it
// would answer 404 until the hub has told it them again. The hub puts right what changed meanwhile.
//
// Where each person's server has a host of its own, below CONFIGPROXY_DOMAIN, a way begins with a host.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { MemoryStore } = require(path.join(path.dirname(process.argv[1]), "..", "lib", "store.js"));

class KeptRoutes extends MemoryStore {
  constructor() {
    super();
    this.file = process.env.CONFIGPROXY_ROUTES;
    this.domain = process.env.CONFIGPROXY_DOMAIN;
    for (const [way, route] of Object.entries(this.kept())) {
      if (route?.target) super.add(way, { ...route, last_activity: new Date() });
    }
  }

  getTarget(asked) {
    if (!this.domain) return super.getTarget(asked);
    // Programs know the proxy by an address of its machine, or its container's name: that is the hub's own host.
    const [, named, ...way] = asked.split("/");
    const host = named.toLowerCase();
    const known = host === this.domain || host.endsWith(`.${this.domain}`);
    return super.getTarget(["", known ? host : this.domain, ...way].join("/"));
  }

  kept() {
    try {
      return JSON.parse(fs.readFileSync(this.file, "utf8")) ?? {};
    } catch {
      return {}; // there is none, or not a whole one: the hub tells them all
    }
  }

  keep() {
    try {
      fs.writeFileSync(`${this.file}.new`, JSON.stringify(this.routes), { mode: 0o600 });
      fs.renameSync(`${this.file}.new`, this.file);
    } catch (refused) {
      console.error(`The routes could not be kept: ${refused.message}`); // as on a full disk; they are in force
    }
  }

  add(way, route) {
    const added = super.add(way, route);
    this.keep();
    return added;
  }

  remove(way) {
    const removed = super.remove(way);
    this.keep();
    return removed;
  }
}

module.exports = KeptRoutes;
