// Required by the proxy's Node before the proxy itself. Where a request came from is what its connection says, and no
// header that whoever sent it made up. Only of what stands in front of us, and speaks TLS for people, the header is
// believed: programs of this machine, those that CONFIGPROXY_FRONTS names (addresses or networks, between commas), and
// whoever comes to the address that CONFIGPROXY_INSIDE names, which only our own parts reach.
"use strict";

const dns = require("node:dns");
const { Server } = require("node:http");
const { BlockList, isIP } = require("node:net");

const fronts = new BlockList();
for (const each of ["127.0.0.1", "::1", ...(process.env.CONFIGPROXY_FRONTS ?? "").split(",")]) {
  const [address, bits] = each.trim().split("/");
  const kind = `ipv${isIP(address)}`;
  if (bits) fronts.addSubnet(address, Number(bits), kind);
  else if (address) fronts.addAddress(address, kind);
}

let inside = "";
if (process.env.CONFIGPROXY_INSIDE) {
  dns.lookup(process.env.CONFIGPROXY_INSIDE, { family: 4 }, (unknown, address) => {
    if (unknown) console.error(`${process.env.CONFIGPROXY_INSIDE} is no name here: ${unknown.message}`);
    else inside = address;
  });
}

const plain = (address) => (address ?? "").replace(/^::ffff:/, "");
const isFront = (address) => isIP(address) !== 0 && fronts.check(address, `ipv${isIP(address)}`);

function believed(request) {
  return isFront(plain(request.socket.remoteAddress)) || (inside && plain(request.socket.localAddress) === inside);
}

function origin(request) {
  const peer = plain(request.socket.remoteAddress);
  if (!believed(request)) return peer;
  const told = (request.headers["x-forwarded-for"] ?? "").split(",").map((each) => plain(each.trim()));
  // The last one is the word of whoever stands nearest to us, the first one of whoever asked.
  while (told.length && (isFront(told.at(-1)) || !isIP(told.at(-1)))) told.pop();
  return told.at(-1) ?? peer;
}

const { emit } = Server.prototype;

Server.prototype.emit = function (event, request, ...more) {
  if (event === "request" || event === "upgrade") {
    request.headers["x-forwarded-for"] = origin(request);
    delete request.headers["x-real-ip"];
    if (!believed(request)) delete request.headers.forwarded;
  }
  return emit.call(this, event, request, ...more);
};
