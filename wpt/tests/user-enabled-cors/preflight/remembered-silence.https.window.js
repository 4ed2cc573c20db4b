// META: title=User-enabled CORS: a preflight's silence is remembered for a minute
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const methodsOf = async (token) => (await seen(token)).map((record) => record.method);

async function allow(t, init) {
  const promise = fetch(respond(TARGET), init);
  await user.decide(t, "visit");
  await promise;
}

user_test(async (t) => {
  await allow(t, { method: "PUT" });
  const token = newToken();
  const url = respond(TARGET, { token });
  await fetch(url, { method: "PUT" });
  await fetch(url, { method: "PUT" });
  assert_array_equals(await methodsOf(token), ["OPTIONS", "PUT", "PUT"]);
}, "Within a minute no other is sent");

user_test(async (t) => {
  await allow(t, { method: "PUT" });
  const token = newToken();
  const url = respond(TARGET, { token });
  await fetch(url, { method: "PUT" });
  await user.advance(60001);
  await fetch(url, { method: "PUT" });
  assert_array_equals(await methodsOf(token), ["OPTIONS", "PUT", "OPTIONS", "PUT"]);
}, "After a minute another one is");

user_test(async (t) => {
  await allow(t, { method: "PUT", headers: { "X-A": "1", "X-B": "1" } });
  const token = newToken();
  const url = respond(TARGET, { token });
  await fetch(url, { method: "PUT", headers: { "X-A": "1" } });
  await fetch(url, { method: "PUT", headers: { "X-B": "1" } });
  await fetch(`${url}&other`, { method: "PUT", headers: { "X-A": "1" } });
  assert_array_equals(await methodsOf(token), ["OPTIONS", "PUT", "OPTIONS", "PUT", "OPTIONS", "PUT"]);
}, "It is remembered for the URL and the header fields");

user_test(async (t) => {
  await allow(t, { method: "PUT" });
  const token = newToken();
  const silent = "status=200";
  const speaking = new URLSearchParams([["header", ALLOW_ALL], ["preflight-header", ALLOW_ALL], ["preflight-header", "Access-Control-Allow-Methods:PUT"]]);
  const url = handler(TARGET, "turns.py", { token, turn: [silent, String(speaking), silent] });
  await fetch(url, { method: "PUT" });
  await fetch(url, { method: "GET" });
  await fetch(url, { method: "PUT" });
  assert_array_equals(await methodsOf(token), ["OPTIONS", "PUT", "GET", "OPTIONS", "PUT"]);
}, "A response that its server allows ends it");
