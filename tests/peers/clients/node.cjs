// One call of prom-client: URL TOKEN_FILE (push | add | delete) NAME VALUE GROUPED. Prints what the library tells. An empty
// TOKEN_FILE sends no token; CERT and KEY, where set, are files of a client certificate.
const { readFileSync } = require("node:fs");
const { Gauge, Pushgateway, Registry } = require("prom-client");

const [url, tokenFile, verb, name, value, grouped] = process.argv.slice(2);
const options = { headers: {} };
if (tokenFile) options.headers.Authorization = `Bearer ${readFileSync(tokenFile, "ascii").trim()}`;
if (process.env.CERT) Object.assign(options, { cert: readFileSync(process.env.CERT), key: readFileSync(process.env.KEY) });
const registry = new Registry();
new Gauge({ name, help: "A gauge.", registers: [registry] }).set(Number(value));
const gateway = new Pushgateway(url, options, registry);
const call = { push: "push", add: "pushAdd", delete: "delete" }[verb];
gateway[call]({ jobName: "library", groupings: { grouped } }).catch((failure) => {
  console.error(failure.message);
  process.exitCode = 1;
});
