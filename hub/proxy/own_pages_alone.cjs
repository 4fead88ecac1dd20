// Required by the proxy's Node before the proxy itself. A page's service worker answers for the page's own folder and
// what is below it. This header, which a workspace's owner could let their server send, would give it the whole host:
// it would read, and forge, the hub's pages in the browser of whoever opened one page of that workspace.
"use strict";

const { ServerResponse } = require("node:http");

const { setHeader } = ServerResponse.prototype;

ServerResponse.prototype.setHeader = function (name, value) {
  return String(name).toLowerCase() === "service-worker-allowed" ? this : setHeader.call(this, name, value);
};
