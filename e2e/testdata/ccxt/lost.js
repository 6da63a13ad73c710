// Sends an order-like request for every "VENUE PATH" of the arguments to BASE and
// prints which errors ccxt raises, from the class to its ancestors.
// node lost.js BASE "VENUE PATH"…
'use strict';
const { createRequire } = require('module');
const load = process.env.CLIENT_HOME ? createRequire(process.env.CLIENT_HOME + '/') : require;
const ccxt = load('ccxt');

const ancestry = (e) => {
  const names = [];
  for (let p = Object.getPrototypeOf(e); p && p !== Error.prototype; p = Object.getPrototypeOf(p)) names.push(p.constructor.name);
  return names;
};

(async () => {
  const [base, ...cases] = process.argv.slice(2);
  const out = {};
  for (const name of cases) {
    const [id, path] = name.split(' ');
    if (!ccxt[id]) continue;
    const venue = new ccxt[id]();
    try {
      await venue.fetch(`${base}/${id}${path}`, 'POST', { 'Content-Type': 'application/json' }, '{}');
      out[name] = ['no error'];
    } catch (e) {
      out[name] = ancestry(e);
    }
  }
  console.log(JSON.stringify(out));
})();
