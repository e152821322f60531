// Has Node send connections for the hosts of AFCOST_INTERCEPTED through HTTPS_PROXY, which Node 20
// does not read. Its own `fetch` and `https` are led there; all else of Node is left as it is.
// A client that reads HTTPS_PROXY by itself goes there without this.
"use strict";

const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");

const patterns = (process.env.AFCOST_INTERCEPTED || "").split(",").filter(Boolean);
const proxy = patterns.length && process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY);

function isIntercepted(host) {
  const name = String(host || "").toLowerCase().replace(/\.$/, "");
  return patterns.some((pattern) => {
    const [begin, end] = pattern.split("*");
    return end === undefined ? name === begin : name.startsWith(begin) && name.endsWith(end);
  });
}

// Calls back with a socket that speaks TLS with a host, or with an error.
function connect(host, port, options, done) {
  const target = `${host}:${port || 443}`;
  const user = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64");
  const socket = net.connect({ host: proxy.hostname, port: proxy.port });
  let head = "";
  const fail = () => done(new Error(`${target}: the gateway has ended`));
  const take = (chunk) => {
    head += chunk.toString("latin1");
    if (!head.includes("\r\n\r\n")) return;
    socket.off("data", take).off("error", done).off("close", fail);
    const line = head.split("\r\n", 1)[0];
    if (!/^HTTP\/1\.\d 200( |$)/.test(line)) {
      socket.destroy();
      done(new Error(`${target}: ${line}`));
      return;
    }
    const secured = tls.connect({ ...options, socket, servername: host, ALPNProtocols: ["http/1.1"] });
    secured.once("error", done).once("secureConnect", () => done(null, secured.off("error", done)));
  };
  socket.on("data", take).once("error", done).once("close", fail);
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: Basic ${user}\r\n\r\n`);
}

function leadHttps() {
  const direct = https.Agent.prototype.createConnection;
  https.Agent.prototype.createConnection = function createConnection(options, done, ...others) {
    const goesOn = typeof options === "object" && typeof done === "function" && !options.socket;
    if (!goesOn || !isIntercepted(options.host)) return direct.call(this, options, done, ...others);
    connect(options.host, options.port, { ...options, host: undefined, port: undefined }, done);
    return undefined;
  };
}

function leadFetch() {
  void globalThis.Response; // has Node load what its fetch goes by
  const direct = globalThis[Symbol.for("undici.globalDispatcher.1")];
  if (!direct) return;
  const dispatch = direct.dispatch.bind(direct);
  const connector = ({ hostname, port }, done) => connect(hostname, port, {}, done);
  const led = new direct.constructor({ connect: connector });
  direct.dispatch = (options, handler) => {
    const url = new URL(String(options.origin));
    const goesOn = url.protocol === "https:" && isIntercepted(url.hostname);
    return goesOn ? led.dispatch(options, handler) : dispatch(options, handler);
  };
}

if (proxy) {
  leadHttps();
  if (typeof globalThis.fetch === "function") leadFetch();
}
