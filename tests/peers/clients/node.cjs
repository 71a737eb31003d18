// One call of prom-client: URL TOKEN_FILE (push | add | delete) NAME VALUE GROUPED. Prints what the library tells.
const { readFileSync } = require("node:fs");
const { Gauge, Pushgateway, Registry } = require("prom-client");

const [url, tokenFile, verb, name, value, grouped] = process.argv.slice(2);
const token = readFileSync(tokenFile, "ascii").trim();
const registry = new Registry();
new Gauge({ name, help: "A gauge.", registers: [registry] }).set(Number(value));
const gateway = new Pushgateway(url, { headers: { Authorization: `Bearer ${token}` } }, registry);
const call = { push: "push", add: "pushAdd", delete: "delete" }[verb];
gateway[call]({ jobName: "library", groupings: { grouped } }).catch((failure) => {
  console.error(failure.message);
  process.exitCode = 1;
});
