// META: title=User-enabled CORS: redirects: what each target is sent
// META: script=/user-enabled-cors/resources/servers.sub.js

const [B, C] = [ANSWERS.once, ONCE_TOO];
const notPreflights = async (token) => (await seen(token)).filter((record) => !record.isPreflight);

promise_test(async () => {
  const [first, second] = [newToken(), newToken()];
  await fetch(redirect(B, respond(C, { token: second }), { token: first }));
  const records = await notPreflights(second);
  assert_greater_than(records.length, 0);
  for (const record of records) {
    assert_equals(headerOf(record, "sec-user-enabled-cors"), "?1");
    assert_equals(headerOf(record, "cookie"), null);
    assert_equals(headerOf(record, "origin"), "null", "as after any redirect between other origins");
  }
}, "A later target is sent an anonymous request");

promise_test(async () => {
  const cookie = `chain${Date.now()}`;
  const allowed = [ALLOW_TEST, ALLOW_CREDENTIALS];
  await fetch(handler(C, "cookies.py", { set: `${cookie}=1; Path=/; Secure; SameSite=None`, header: allowed }), {
    credentials: "include",
  });
  const token = newToken();
  await fetch(redirect(B, respond(C, { token, header: ALLOW_ALL })));
  for (const record of await seen(token)) {
    assert_equals(headerOf(record, "cookie"), null);
    assert_equals(headerOf(record, "sec-user-enabled-cors"), "?1", "although it passes the CORS check");
  }
}, "So is one that allows everybody");

promise_test(async () => {
  const name = `hop${Date.now()}`;
  const set = `Set-Cookie:${name}=1; Path=/; Secure; SameSite=None`;
  await fetch(redirect(B, respond(C, { header: set }), { header: set }));
  for (const origin of [B, C]) {
    const url = handler(origin, "echo.py", { header: [ALLOW_TEST, ALLOW_CREDENTIALS] });
    const response = await fetch(url, { credentials: "include" });
    assert_false((headerOf(await response.json(), "cookie") || "").includes(name));
  }
}, "Cookies of a chain are not stored");

promise_test(async () => {
  const token = newToken();
  await fetch(redirect(B, respond(C, { token })), { referrerPolicy: "unsafe-url" });
  for (const record of await seen(token)) {
    assert_equals(headerOf(record, "referer"), `${TEST_ORIGIN}/`);
  }
}, "Its Referer is the origin at most");

for (const [status, method, expected] of [[301, "POST", "GET"], [302, "POST", "GET"], [303, "POST", "GET"], [303, "HEAD", "HEAD"], [307, "HEAD", "HEAD"]]) {
  promise_test(async () => {
    const [first, second] = [newToken(), newToken()];
    const url = redirect(B, respond(C, { token: second, body: "end" }), { token: first, status });
    const response = await fetch(url, { method, body: method === "POST" ? "sent" : undefined });
    assert_equals(await response.text(), method === "HEAD" ? "" : "end");
    assert_equals((await notPreflights(first)).filter((record) => record.method === "POST").length, method === "POST" ? 1 : 0);
    const records = await notPreflights(second);
    assert_greater_than(records.length, 0);
    for (const record of records) {
      assert_equals(record.method, expected);
      assert_equals(record.body, "");
    }
  }, `A ${method} that is redirected by ${status} is a ${expected}`);
}

for (const status of [307, 308]) {
  promise_test(async () => {
    const [first, second] = [newToken(), newToken()];
    const url = redirect(B, respond(B, { token: second, body: "end" }), { token: first, status });
    const response = await fetch(url, { method: "PUT", body: "sent" });
    assert_equals(await response.text(), "end");
    for (const token of [first, second]) {
      const records = await notPreflights(token);
      assert_array_equals(records.map((record) => record.body), ["sent"], "each is sent it once");
    }
  }, `A body goes on within an origin: ${status}`);

  promise_test(async () => {
    const [first, second] = [newToken(), newToken()];
    const url = redirect(B, respond(C, { token: second, body: "end" }), { token: first, status });
    const response = await fetch(url, { method: "PUT", body: "sent" });
    assert_equals(await response.text(), "end");
    for (const token of [first, second]) {
      const records = await notPreflights(token);
      assert_array_equals(records.map((record) => record.body), ["sent"], "each is sent it once");
    }
  }, `A body goes on to another target that is allowed: ${status}`);

  promise_test(async (t) => {
    const [first, second] = [newToken(), newToken()];
    const url = redirect(B, respond(ANSWERS.notNow, { token: second }), { token: first, status });
    await rejects(t, fetch(url, { method: "PUT", body: "sent" }));
    assert_equals((await notPreflights(first)).length, 1);
    assert_array_equals(await notPreflights(second), [], "it is not sent");
  }, `A body does not go on to one that is declined: ${status}`);
}

promise_test(async () => {
  const token = newToken();
  const response = await fetch(redirect(B, respond(C, { token, body: "end" })), {
    headers: { "X-Custom": "1", Authorization: "Bearer page", Accept: "text/x" },
  });
  assert_equals(await response.text(), "end");
  const records = await notPreflights(token);
  assert_greater_than(records.length, 0);
  for (const record of records) {
    assert_equals(headerOf(record, "x-custom"), null);
    assert_equals(headerOf(record, "authorization"), null);
    assert_equals(headerOf(record, "accept"), "text/x");
  }
}, "Header fields that the page set and that are not safe are left out at another origin");

promise_test(async () => {
  const token = newToken();
  const response = await fetch(redirect(B, respond(B, { token, body: "end" })), { headers: { "X-Custom": "1" } });
  assert_equals(await response.text(), "end");
  const records = await notPreflights(token);
  assert_equals(records.length, 1);
  assert_equals(headerOf(records[0], "x-custom"), "1");
}, "They stay within an origin");

promise_test(async (t) => {
  const [first, second] = [newToken(), newToken()];
  await rejects(t, fetch(redirect(ANSWERS.never, respond(B, { token: second }), { token: first, status: 307 }), { method: "POST", body: "sent" }));
  assert_equals((await seen(first)).length, 1);
  assert_array_equals(await seen(second), []);
}, "A simple POST that is declined goes nowhere else");
