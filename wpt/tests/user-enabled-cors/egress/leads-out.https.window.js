// META: title=User-enabled CORS: an egress that works
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/egress.sub.js

// Every anonymous request leaves by the egress, and nothing else does.
const TARGET = ANSWERS.once;
const isAnonymous = (record) => headerOf(record, "sec-user-enabled-cors") !== null;
const wayOf = (record) => `${record.method} ${isAnonymous(record) ? "anonymous" : "ordinary"} ${record.connection.isProxied ? "proxied" : "direct"}`;
const waysOf = async (token) => (await seen(token)).map(wayOf);

// A user_test under a policy that names the egress.
function egress_test(func, name, more = {}) {
  user_test(async (t) => {
    await user.policy({ Egress: EGRESS, ...more });
    await func(t);
  }, name);
}

for (const choice of ["once", "visit", "always"]) {
  egress_test(async (t) => {
    const token = newToken();
    const response = await user.fetch(t, choice, respond(TARGET, { token, body: "text" }));
    assert_equals(response.type, "cors");
    assert_equals(await response.text(), "text");
    assert_array_equals(await waysOf(token), ["GET ordinary direct", "GET anonymous proxied"]);
  }, `What was asked directly is asked again by it: ${choice}`);
}

for (const [method, init] of [
  ["PUT", { method: "PUT", body: "x" }],
  ["POST", { method: "POST", body: "x", headers: { "Content-Type": "application/json" } }],
]) {
  egress_test(async (t) => {
    const token = newToken();
    const response = await user.fetch(t, "visit", respond(TARGET, { token, body: "text" }), init);
    assert_equals(await response.text(), "text");
    assert_array_equals(await waysOf(token), ["OPTIONS ordinary direct", `${method} anonymous proxied`]);
  }, `After a preflight that failed in silence: ${method}`);
}

egress_test(async (t) => {
  const token = newToken();
  await user.assertRefused(t, respond(TARGET, { token }), { method: "POST", body: "x" });
  assert_array_equals(await waysOf(token), ["POST ordinary direct"]);
}, "What was written directly is not written again");

egress_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  const token = newToken();
  assert_equals(await user.assertRead(respond(TARGET, { token, body: "text" })), "text");
  assert_array_equals(await waysOf(token), ["GET ordinary direct", "GET anonymous proxied"]);
}, "Under a permission");

egress_test(async () => {
  const token = newToken();
  await user.assertRead(respond(TARGET, { token, header: ALLOW_ALL }));
  assert_array_equals(await waysOf(token), ["GET ordinary direct"]);
}, "What its server allows goes as ever");

egress_test(async (t) => {
  const [first, second] = [newToken(), newToken()];
  const url = redirect(TARGET, respond(ONCE_TOO, { token: second, body: "text" }), { token: first });
  const response = await user.fetch(t, "once", url);
  assert_equals(await response.text(), "text");
  assert_array_equals(await waysOf(first), ["GET ordinary direct", "GET anonymous proxied"]);
  assert_array_equals(await waysOf(second), ["GET anonymous proxied"]);
}, "Each hop of a chain of redirects");

egress_test(async (t) => {
  await user.assertRefused(t, respond(LOCAL));
}, "A server of the local network is none that it reaches");

for (const host of ["127.0.0.1", "localhost", "printer", "printer.local"]) {
  egress_test(async (t) => {
    const url = new URL(respond(TARGET));
    url.hostname = host;
    await user.assertRefused(t, redirect(TARGET, url.href));
  }, `A redirect to ${host} is not taken by it`);
}

egress_test(async (t) => {
  const promise = fetch(respond(TARGET, { body: "text" }));
  promise.catch(() => {});
  await user.question(t);
  await user.policy({ Egress: "direct" });
  await rejects(t, promise);
  await user.assertNotAsked();
}, "A question ends when the egress changes");

for (const choice of ["visit", "always"]) {
  egress_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    assert_equals((await user.permissions()).grants[0].way, "egress");
    await user.policy({ Egress: "direct" });
    await user.assertAsked(t, respond(TARGET));
  }, `What a stranger may be shown is asked about without it: ${choice}`);

  user_test(async (t) => {
    await user.fetch(t, choice, respond(TARGET));
    await user.policy({ Egress: EGRESS });
    const token = newToken();
    await user.assertRead(respond(TARGET, { token }));
    assert_array_equals(await waysOf(token), ["GET ordinary direct", "GET anonymous proxied"]);
  }, `What was allowed without it is read through it: ${choice}`);
}

// Answers differ from one request to the next.
const turns = (token, ...queries) => handler(TARGET, "turns.py", { token, turn: queries });

egress_test(async (t) => {
  const token = newToken();
  await rejects(t, user.fetch(t, "once", turns(token, "body=1", "header=Access-Control-Prevent-Origin:*")));
  assert_array_equals(await waysOf(token), ["GET ordinary direct", "GET anonymous proxied"]);
}, "A server's no counts that comes by this way only");

const COMPARED = { DualCheck: true };

egress_test(async (t) => {
  const token = newToken();
  const response = await user.fetch(t, "once", respond(TARGET, { token, body: "text" }));
  assert_equals(await response.text(), "text");
  assert_array_equals((await waysOf(token)).sort(), ["GET anonymous direct", "GET anonymous proxied", "GET ordinary direct"]);
}, "Dual check: what is the same by both ways is delivered", COMPARED);

for (const [what, second, third] of [
  ["body", "body=one", "body=two"],
  ["status", "body=one", "body=one&status=201"],
]) {
  egress_test(async (t) => {
    const token = newToken();
    await rejects(t, user.fetch(t, "once", turns(token, "body=one", second, third)));
    assert_equals((await seen(token)).length, 3);
  }, `Dual check: another ${what} is a failure`, COMPARED);
}

egress_test(async (t) => {
  const token = newToken();
  await user.assertRefused(t, respond(TARGET, { token }), { method: "PUT", body: "x" });
  assert_array_equals(await waysOf(token), ["OPTIONS ordinary direct"]);
}, "Dual check: nothing but a read is compared", COMPARED);
