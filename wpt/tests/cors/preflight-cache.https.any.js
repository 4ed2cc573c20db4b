// META: title=CORS: how long a preflight is remembered
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

const answer = (...fields) => ({
  header: [ALLOW_TEST, ALLOW_CREDENTIALS],
  "preflight-header": [ALLOW_TEST, ALLOW_CREDENTIALS, ...fields],
});
const METHODS = "Access-Control-Allow-Methods:PUT, DELETE";
const HEADERS = "Access-Control-Allow-Headers:x-a, x-b";
const HOUR = "Access-Control-Max-Age:3600";

async function preflightsOf(fields, ...requests) {
  const token = newToken();
  const url = respond(CROSS_SITE, { ...answer(...fields), token });
  for (const init of requests) {
    await fetch(init.url ? init.url(url) : url, init);
  }
  return (await seen(token)).filter((record) => record.isPreflight).length;
}

const put = { method: "PUT" };
for (const [title, fields, requests, expected] of [
  ["the same request again", [METHODS, HOUR], [put, put, put], 1],
  ["another method that was allowed", [METHODS, HOUR], [put, { method: "DELETE" }], 1],
  ["another header field that was allowed", [HEADERS, HOUR], [{ headers: { "X-A": "1" } }, { headers: { "X-B": "1" } }], 1],
  ["a method that was not", [METHODS, "Access-Control-Allow-Headers:x-a", HOUR], [{ headers: { "X-A": "1" } }, put], 1],
  ["without a word on the time, at once", [METHODS], [put, put], 1],
  ["a time of 0", [METHODS, "Access-Control-Max-Age:0"], [put, put], 2],
  ["a negative time", [METHODS, "Access-Control-Max-Age:-1"], [put, put], 2],
  ["another URL", [METHODS, HOUR], [put, { ...put, url: (url) => `${url}&more` }], 2],
  ["with credentials after without", [METHODS, HOUR], [put, { ...put, credentials: "include" }], 2],
  ["a wildcard", ["Access-Control-Allow-Headers:*", HOUR], [{ headers: { "X-A": "1" } }, { headers: { "X-Z": "1" } }], 1],
]) {
  promise_test(async () => assert_equals(await preflightsOf(fields, ...requests), expected), `Preflights: ${title}: ${expected}`);
}

promise_test(async (t) => {
  const token = newToken();
  const url = respond(CROSS_SITE, { ...answer("Access-Control-Allow-Methods:PUT", HOUR), token });
  await fetch(url, put);
  await rejects(t, fetch(url, { method: "PATCH" }));
  const methods = (await seen(token)).map((record) => headerOf(record, "access-control-request-method"));
  assert_array_equals(methods, ["PUT", null, "PATCH"]);
}, "What was not allowed is asked about again");
