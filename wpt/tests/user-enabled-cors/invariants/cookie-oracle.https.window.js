// META: title=User-enabled CORS: a page cannot tell whether its user has credentials somewhere
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

// The same requests with and without cookies, and with and without a login that the browser remembers, have to come to the same
// questions, the same outcomes and the same on the wire.
const TARGET = ANSWERS.once;
const allowed = [ALLOW_TEST, ALLOW_CREDENTIALS];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const MODES = ["omit", "same-origin", "include"];
const CHOICES = ["once", "not-now"];

async function traceOf(t, method, credentials, choice) {
  const token = newToken();
  const controller = new AbortController();
  let ended = false;
  const promise = fetch(handler(TARGET, "authentication.py", { token }), { method, credentials, signal: controller.signal })
    .then(async (response) => [response.type, response.status, (await response.text()).length > 0, [...response.headers.keys()]], (error) => [error.name, error.message])
    .finally(() => (ended = true));
  let asked = null;
  await eventually(t, async () => ended || (await user.questions()).length > 0, "it ends or asks");
  const [question] = await user.questions();
  if (question) {
    const { hosts, action, choices, requests } = await user.decide(t, choice);
    asked = [hosts, action, choices, requests.map((request) => [request.method, request.headers, request.body_size, request.state])];
  }
  const outcome = await promise;
  const wire = (await seen(token)).map((record) => [record.method, record.headers.map(([name]) => name).filter((name) => name !== "cookie" || credentials !== "include").sort()]);
  return JSON.stringify([asked, outcome, credentials === "include" ? wire.length : wire]);
}

for (const method of METHODS) {
  for (const credentials of MODES) {
    for (const choice of CHOICES) {
      user_test(async (t) => {
        const name = `oracle${Date.now()}`;
        const without = await traceOf(t, method, credentials, choice);
        await user.input();
        const set = `${name}=1; Path=/; Secure; SameSite=None`;
        await fetch(handler(TARGET, "cookies.py", { set, header: allowed }), { credentials: "include" });
        const withCookies = await traceOf(t, method, credentials, choice);
        assert_equals(withCookies, without);
      }, `${method}, credentials mode ${credentials}, answered ${choice}`);
    }
  }
}
