// META: title=User-enabled CORS: the HTTP cache
// META: script=/user-enabled-cors/resources/servers.sub.js

const cacheable = (origin, token, parameters) =>
  respond(origin, { token, body: "text", header: "Cache-Control:max-age=600", ...parameters });
const count = async (token) => (await seen(token)).filter((record) => !record.isPreflight).length;

// Leaves a response in the cache that was made with credentials, as any page can for any target.
async function launder(url, t) {
  await fetch(url, { mode: "no-cors", credentials: "include" });
}

for (const answer of ["once", "visit"]) {
  promise_test(async (t) => {
    const token = newToken();
    const url = cacheable(ANSWERS[answer], token);
    await launder(url);
    const response = await fetch(url);
    assert_equals(await response.text(), "text");
    assert_equals(await count(token), 2, "what was stored is not used");
    await fetch(url);
    assert_equals(await count(token), 3, "nor is what was released before");
  }, `No stored response is used: ${answer}`);
}

for (const cache of ["default", "no-store", "reload", "no-cache", "force-cache"]) {
  promise_test(async () => {
    const token = newToken();
    const url = cacheable(ANSWERS.once, token);
    await launder(url);
    const response = await fetch(url, { cache });
    assert_equals(await response.text(), "text");
    assert_equals(await count(token), 2);
  }, `Whatever the cache mode is: ${cache}`);
}

promise_test(async (t) => {
  const token = newToken();
  const url = cacheable(TEST_ORIGIN, token);
  await fetch(url);
  await fetch(url);
  assert_equals(await count(token), 1, "the cache works otherwise");
}, "A response of the same origin is used again");

promise_test(async () => {
  const token = newToken();
  const url = cacheable(ANSWERS.once, token, { header: ["Cache-Control:max-age=600", ALLOW_ALL] });
  await fetch(url, { credentials: "omit" });
  await fetch(url, { credentials: "omit" });
  assert_equals(await count(token), 1);
}, "So is one that its server allows everybody to read");

for (const cache of ["default", "force-cache", "no-cache"]) {
  promise_test(async () => {
    const token = newToken();
    const url = respond(ANSWERS.once, { token, body: "text", etag: "private" });
    await launder(url);
    const response = await fetch(url, { cache });
    assert_equals(response.status, 200);
    assert_equals(await response.text(), "text");
    for (const record of (await seen(token)).slice(1)) {
      assert_equals(headerOf(record, "if-none-match"), null);
      assert_equals(headerOf(record, "if-modified-since"), null);
    }
  }, `What is stored is not asked about either: ${cache}`);
}

promise_test(async () => {
  const token = newToken();
  const url = cacheable(ANSWERS.once, token);
  await (await fetch(url, { method: "PUT" })).text();
  await (await fetch(url, { mode: "no-cors", credentials: "include" })).text();
  assert_equals(await count(token), 2);
}, "No anonymous response answers others");

promise_test(async () => {
  const token = newToken();
  const url = cacheable(ANSWERS.once, token);
  const headers = { "X-Custom": "1" };
  await (await fetch(url, { headers })).text();
  await (await fetch(url, { headers })).text();
  assert_equals(await count(token), 2);
}, "Nor another anonymous request");

promise_test(async () => {
  const token = newToken();
  const url = cacheable(ANSWERS.once, token);
  const headers = { "X-Custom": "1" };
  await (await fetch(url, { headers })).text();
  await launder(url);
  assert_equals(await count(token), 2);
}, "An anonymous response to a GET leaves nothing for a request with credentials");

promise_test(async () => {
  const cookie = `laundered${Date.now()}`;
  await fetch(
    handler(ANSWERS.once, "cookies.py", { set: `${cookie}=1; Path=/; Secure; SameSite=None`, header: [ALLOW_TEST, ALLOW_CREDENTIALS] }),
    { credentials: "include" }
  );
  const token = newToken();
  const url = handler(ANSWERS.once, "echo.py", { token, header: "Cache-Control:max-age=600" });
  // It is kept from the page, but not from the cache.
  await fetch(url, { mode: "no-cors", credentials: "include" }).catch(() => {});
  assert_true(headerOf((await seen(token))[0], "cookie").includes(cookie), "what may be in the cache is private");
  const response = await fetch(url, { headers: { "X-Custom": "1" } });
  assert_equals(headerOf(await response.json(), "cookie"), null);
}, "Private JSON in the cache is not read after a preflight either");
