// Loaded before the command line: writes down every address a socket is opened to, and lets only this machine through.

import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import net from 'node:net';

const log = process.env.SOCKET_LOG;
const note = (what) => appendFileSync(log, `${what}\n`);
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function watched(...args) {
  const [first] = net._normalizeArgs(Array.isArray(args[0]) ? args[0] : args);
  const host = first.path ?? `${first.host ?? 'localhost'}:${first.port}`;
  note(host);
  if (first.path === undefined && first.host !== '127.0.0.1') throw new Error(`a socket to ${host}`);
  return connect.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => {
  note(`lookup ${host}`);
  return lookup(host, ...rest);
};
