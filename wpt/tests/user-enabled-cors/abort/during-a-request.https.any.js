// META: title=User-enabled CORS: requests that are aborted
// META: timeout=long
// META: script=/user-enabled-cors/resources/servers.sub.js

// Before it is answered, before there is anything to ask about.
for (const [method, init] of [["GET", {}], ["POST", { method: "POST", body: "x" }], ["PUT", { method: "PUT" }]]) {
  promise_test(async (t) => {
    const [token, ends] = [newToken(), newToken()];
    const controller = new AbortController();
    const held = method === "PUT" ? "preflight-hold" : "hold";
    const promise = fetch(respond(ANSWERS.once, { [held]: newToken(), token, ends }), { ...init, signal: controller.signal });
    await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
    controller.abort();
    await promise_rejects_dom(t, "AbortError", promise);
    assert_false(await endOf(t, ends), "the connection is given up");
    assert_equals((await seen(token)).length, 1, "nothing more is sent");
  }, `Before anything was answered: ${method}`);
}

promise_test(async (t) => {
  const token = newToken();
  const promise = fetch(respond(ANSWERS.once, { token }), { signal: AbortSignal.abort() });
  await promise_rejects_dom(t, "AbortError", promise);
  assert_array_equals(await seen(token), []);
}, "Before it begins");

promise_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const controller = new AbortController();
  const promise = fetch(respond(ANSWERS.once, { hold: newToken(), token, ends }), { method: "PUT", signal: controller.signal });
  const arrives = eventually(t, async () => (await seen(token)).some((record) => record.method === "PUT"), "the anonymous request arrives");
  arrives.catch(() => {});
  // Where nobody is asked there is none, and it fails at once.
  await Promise.race([arrives, promise]);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  await eventually(t, async () => (await seen(ends)).some((end) => !end.isComplete), "the connection is given up");
}, "While the anonymous request is not answered");

for (const [title, init] of [["released", {}], ["anonymous", { method: "PUT" }]]) {
  promise_test(async (t) => {
    const controller = new AbortController();
    const url = respond(ANSWERS.visit, { "hold-body": newToken(), body: "abcd" });
    const response = await fetch(url, { ...init, signal: controller.signal });
    const reader = response.body.getReader();
    assert_equals(new TextDecoder().decode((await reader.read()).value), "ab");
    controller.abort();
    await promise_rejects_dom(t, "AbortError", reader.read());
  }, `While the body comes: ${title}`);

  promise_test(async (t) => {
    const ends = newToken();
    const controller = new AbortController();
    const url = respond(ANSWERS.visit, { endless: "", ends });
    const response = await fetch(url, { ...init, signal: controller.signal });
    const text = response.text();
    controller.abort();
    await promise_rejects_dom(t, "AbortError", text);
    await eventually(t, async () => (await seen(ends)).some((end) => !end.isComplete), "the connection is given up");
  }, `While a body without an end comes: ${title}`);
}

promise_test(async () => {
  const controller = new AbortController();
  const response = await fetch(respond(ANSWERS.once, { body: "text" }), { signal: controller.signal });
  assert_equals(await response.text(), "text");
  controller.abort();
  const again = await fetch(respond(ANSWERS.once, { body: "again" }));
  assert_equals(await again.text(), "again");
}, "After all of it came");

promise_test(async (t) => {
  const controller = new AbortController();
  const reason = new RangeError("reason");
  const token = newToken();
  const promise = fetch(respond(ANSWERS.once, { hold: newToken(), token }), { signal: controller.signal });
  await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
  controller.abort(reason);
  await promise_rejects_exactly(t, reason, promise);
}, "The reason is the error");

promise_test(async (t) => {
  const [token, ends] = [newToken(), newToken()];
  const xhr = new XMLHttpRequest();
  const events = [];
  for (const type of ["abort", "error", "load", "loadend"]) {
    xhr.addEventListener(type, () => events.push(type));
  }
  xhr.open("GET", respond(ANSWERS.once, { hold: newToken(), token, ends }));
  xhr.send();
  await eventually(t, async () => (await seen(token)).length > 0, "the request arrives");
  xhr.abort();
  assert_array_equals(events, ["abort", "loadend"]);
  assert_false(await endOf(t, ends));
}, "XMLHttpRequest");

promise_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(ANSWERS.once, { hold: newToken() }));
  xhr.timeout = 50;
  const event = await new Promise((resolve) => {
    xhr.ontimeout = xhr.onload = xhr.onerror = resolve;
    xhr.send();
  });
  assert_equals(event.type, "timeout");
}, "XMLHttpRequest that takes too long");
