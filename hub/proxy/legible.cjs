// Required by the proxy's Node before the proxy itself, which answers 500 where the way that is asked for cannot be
// decoded: that is a mistake of who asks.
"use strict";

const { Server, STATUS_CODES } = require("node:http");

const TOLD = "This address cannot be read: what follows a % in it is no UTF-8. A % itself is written %25.\n";

function isLegible(request) {
  try {
    decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    return true;
  } catch {
    return false;
  }
}

const { emit } = Server.prototype;

Server.prototype.emit = function (event, request, answer, ...more) {
  if ((event !== "request" && event !== "upgrade") || isLegible(request)) {
    return emit.call(this, event, request, answer, ...more);
  }
  if (event === "request") answer.writeHead(400, { "Content-Type": "text/plain; charset=utf-8" }).end(TOLD);
  else answer.end(`HTTP/1.1 400 ${STATUS_CODES[400]}\r\nConnection: close\r\n\r\n`);
  return true;
};
