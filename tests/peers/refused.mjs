// A push of 10 MB with a wrong token: prints the status it was refused with, or the failure.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const [url, caFile] = process.argv.slice(2);
const push = request(`${url}/metrics/job/large`, {
  method: "PUT",
  ca: readFileSync(caFile),
  family: 4,
  headers: { Authorization: "Bearer wrong" },
});
push.on("response", (answer) => {
  answer.resume();
  answer.on("end", () => console.log(`status ${answer.statusCode} ${answer.statusMessage}`));
  answer.on("error", (failure) => console.log(`answer cut: ${failure}`));
});
push.on("error", (failure) => console.log(`no answer: ${failure}`));
push.end(Buffer.alloc(10_000_000, "m 1\n"));
