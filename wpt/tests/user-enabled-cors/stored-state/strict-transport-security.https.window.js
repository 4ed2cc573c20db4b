// META: title=User-enabled CORS: Strict-Transport-Security of an anonymous response is not remembered
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js

// Opens a page of the host without TLS. If the host was remembered the browser would use TLS at that port, where there is none.
async function arrivesWithoutTls(t, origin) {
  const token = newToken();
  const insecure = new URL(respond(INSECURE, { token, type: "text/html", body: "page" }));
  insecure.hostname = new URL(origin).hostname;
  const other = window.open(insecure);
  t.add_cleanup(() => other.close());
  await eventually(t, async () => (await seen(token)).length > 0, "the request arrives", 3000).catch(() => {});
  return (await seen(token)).some((record) => !record.connection.isSecure);
}

const HSTS = "Strict-Transport-Security:max-age=3600; includeSubDomains";

promise_test(async (t) => {
  assert_true(await arrivesWithoutTls(t, ONCE_TOO));
}, "Nothing is remembered at first");

promise_test(async (t) => {
  const response = await fetch(respond(ONCE_TOO, { header: HSTS }), { method: "PUT" });
  assert_true(response.headers.has("strict-transport-security"), "the page sees it");
  assert_true(await arrivesWithoutTls(t, ONCE_TOO));
}, "That of an anonymous response is not remembered");

promise_test(async (t) => {
  await fetch(respond(ANSWERS.visit, { header: [HSTS, ALLOW_ALL] }));
  assert_false(await arrivesWithoutTls(t, ANSWERS.visit));
}, "That of a response that its server allows is");
