// META: title=Fetch: aborting
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/cors/resources/hosts.sub.js

promise_test(async (t) => {
  const token = newToken();
  await promise_rejects_dom(t, "AbortError", fetch(respond(TEST_ORIGIN, { token }), { signal: AbortSignal.abort() }));
  assert_array_equals(await seen(token), [], "nothing is sent");
}, "A signal that is aborted already");

promise_test(async (t) => {
  const reason = new RangeError("reason");
  await promise_rejects_exactly(t, reason, fetch(respond(TEST_ORIGIN), { signal: AbortSignal.abort(reason) }));
}, "The reason is the error");

for (const origin of [TEST_ORIGIN, CROSS_SITE]) {
  const where = origin === TEST_ORIGIN ? "the same origin" : "another origin";
  promise_test(async (t) => {
    const [token, ends] = [newToken(), newToken()];
    const controller = new AbortController();
    const url = respond(origin, { hold: newToken(), token, ends, header: ALLOW_ALL });
    const promise = fetch(url, { signal: controller.signal });
    await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
    controller.abort();
    await promise_rejects_dom(t, "AbortError", promise);
    assert_false(await endOf(t, ends), "the connection is given up");
  }, `While nothing was answered: ${where}`);

  promise_test(async (t) => {
    const ends = newToken();
    const controller = new AbortController();
    const url = respond(origin, { "hold-body": newToken(), body: "abcd", ends, header: ALLOW_ALL });
    const response = await fetch(url, { signal: controller.signal });
    const reader = response.body.getReader();
    assert_equals(new TextDecoder().decode((await reader.read()).value), "ab");
    controller.abort();
    await promise_rejects_dom(t, "AbortError", reader.read());
    assert_false(await endOf(t, ends), "the connection is given up");
  }, `While the body comes: ${where}`);
}

promise_test(async (t) => {
  const ends = newToken();
  const controller = new AbortController();
  const response = await fetch(respond(TEST_ORIGIN, { endless: "", ends }), { signal: controller.signal });
  const text = response.text();
  controller.abort();
  await promise_rejects_dom(t, "AbortError", text);
  assert_false(await endOf(t, ends));
}, "A body without an end");

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(respond(TEST_ORIGIN, { body: "text" }), { signal: controller.signal });
  assert_equals(await response.text(), "text");
  controller.abort();
  assert_equals(response.status, 200);
}, "Aborting what is over changes nothing");

promise_test(async (t) => {
  const controller = new AbortController();
  const first = fetch(respond(TEST_ORIGIN, { hold: newToken() }), { signal: controller.signal });
  const gate = newToken();
  const second = fetch(respond(TEST_ORIGIN, { hold: gate, body: "text" }));
  controller.abort();
  await promise_rejects_dom(t, "AbortError", first);
  await release(gate);
  assert_equals(await (await second).text(), "text");
}, "Other requests go on");

promise_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const xhr = new XMLHttpRequest();
  const events = [];
  for (const type of ["readystatechange", "abort", "error", "load", "loadend", "timeout"]) {
    xhr.addEventListener(type, () => events.push(type === "readystatechange" ? xhr.readyState : type));
  }
  xhr.open("GET", respond(CROSS_SITE, { hold: newToken(), token, ends, header: ALLOW_ALL }));
  xhr.send();
  await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
  xhr.abort();
  assert_array_equals(events, [1, 4, "abort", "loadend"]);
  assert_equals(xhr.readyState, 0);
  assert_equals(xhr.status, 0);
  assert_false(await endOf(t, ends));
}, "XMLHttpRequest");
