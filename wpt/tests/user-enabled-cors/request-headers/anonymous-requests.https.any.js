// META: title=User-enabled CORS: header fields of requests
// META: script=/user-enabled-cors/resources/servers.sub.js

const MARKER = "sec-user-enabled-cors";
const put = (origin, parameters, init) => fetch(respond(origin, parameters), { method: "PUT", ...init });
const notPreflights = async (token) => (await seen(token)).filter((record) => !record.isPreflight);

for (const method of ["PUT", "PATCH", "DELETE"]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(respond(ANSWERS.once, { token }), { method });
    const [preflight, request] = await seen(token);
    assert_equals(headerOf(request, MARKER), "?1");
    assert_equals(headerOf(preflight, MARKER), null);
    assert_equals(headerOf(request, "origin"), TEST_ORIGIN);
  }, `An anonymous request says that it is one, and for whom: ${method}`);
}

for (const [title, origin, parameters, init] of [
  ["a simple request that is released", ANSWERS.once, {}, {}],
  ["a request that is declined", ANSWERS.notNow, {}, {}],
  ["a request that its server allows", ANSWERS.once, { header: ALLOW_ALL }, {}],
  ["a no-cors request", ANSWERS.once, {}, { mode: "no-cors" }],
  ["a request to the same origin", TEST_ORIGIN, {}, {}],
  ["a request with credentials", ANSWERS.once, {}, { credentials: "include" }],
  ["a preflight that is declined", ANSWERS.notNow, {}, { method: "PUT" }],
]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(respond(origin, { ...parameters, token }), init).catch(() => {});
    const records = await seen(token);
    assert_greater_than(records.length, 0);
    for (const record of records) {
      assert_equals(headerOf(record, MARKER), null);
    }
  }, `Others do not: ${title}`);
}

promise_test(async () => {
  const token = newToken();
  const request = new Request(respond(ANSWERS.notNow, { token }), { headers: { "Sec-User-Enabled-CORS": "?1" } });
  assert_false(request.headers.has(MARKER));
  await fetch(request).catch(() => {});
  const xhr = new XMLHttpRequest();
  xhr.open("GET", request.url);
  xhr.setRequestHeader("Sec-User-Enabled-CORS", "?1");
  await new Promise((resolve) => {
    xhr.onloadend = resolve;
    xhr.send();
  });
  const records = await seen(token);
  assert_equals(records.length, 2);
  for (const record of records) {
    assert_equals(headerOf(record, MARKER), null);
  }
}, "A page cannot say so itself");

for (const policy of ["", "unsafe-url", "no-referrer-when-downgrade", "origin", "strict-origin", "origin-when-cross-origin", "no-referrer", "same-origin"]) {
  promise_test(async () => {
    const token = newToken();
    await put(ANSWERS.once, { token }, { referrerPolicy: policy });
    const [request] = await notPreflights(token);
    const isNone = ["no-referrer", "same-origin"].includes(policy);
    assert_equals(headerOf(request, "referer"), isNone ? null : `${TEST_ORIGIN}/`);
  }, `Referer is never more than the origin: "${policy}"`);
}

for (const name of [
  "X-HTTP-Method", "X-HTTP-Method-Override", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "Forwarded", "X-Forwarded-For",
  "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything", "X-Real-IP", "x-http-method-override",
]) {
  for (const method of ["GET", "POST"]) {
    promise_test(async (t) => {
      await fetch(respond(ANSWERS.visit), { method });
      const token = newToken();
      await rejects(t, fetch(respond(ANSWERS.visit, { token }), { method, headers: { [name]: "DELETE" } }));
      assert_array_equals(await notPreflights(token), []);
    }, `What changes requests at common servers is never sent, allowed or not: ${method}, ${name}`);
  }
}

for (const name of ["X-Method", "X-Forward", "X-Original", "X-Requested-With", "X-Api-Key", "If-Match", "Prefer"]) {
  promise_test(async () => {
    const token = newToken();
    await fetch(respond(ANSWERS.once, { token }), { headers: { [name]: "value" } });
    const [request] = await notPreflights(token);
    assert_equals(headerOf(request, name.toLowerCase()), "value");
  }, `What the page sets otherwise is sent: ${name}`);
}

promise_test(async () => {
  const token = newToken();
  await put(ANSWERS.once, { token }, { headers: { Accept: "text/x", "Accept-Language": "de", "Content-Type": "application/json" }, body: "{}" });
  const [request] = await notPreflights(token);
  assert_equals(headerOf(request, "accept"), "text/x");
  assert_equals(headerOf(request, "accept-language"), "de");
  assert_equals(headerOf(request, "content-type"), "application/json");
  assert_equals(headerOf(request, "sec-fetch-mode"), "cors");
  assert_equals(headerOf(request, "sec-fetch-site"), "cross-site");
}, "The others are as in any CORS request");

promise_test(async () => {
  const token = newToken();
  const url = `${respond(ANSWERS.once, { token })}&raw=%2f%7e+%20%C3%A9;()!*`;
  await fetch(url, { method: "PUT" });
  const [request] = await notPreflights(token);
  assert_equals(request.url, url);
}, "The URL is byte by byte what the page gave");
