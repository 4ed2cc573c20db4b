// META: title=User-enabled CORS: requests that are aborted while the user is asked
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;

for (const [title, init] of [
  ["a simple request", {}],
  ["a POST", { method: "POST", body: "x" }],
  ["a request whose preflight was silent", { method: "PUT" }],
]) {
  user_test(async (t) => {
    const token = newToken();
    const controller = new AbortController();
    const promise = fetch(respond(TARGET, { token }), { ...init, signal: controller.signal });
    await user.question(t);
    const before = (await seen(token)).length;
    controller.abort();
    await promise_rejects_dom(t, "AbortError", promise);
    assert_equals((await seen(token)).length, before, "nothing more is sent");
  }, `It ends at once: ${title}`);
}

user_test(async (t) => {
  const controller = new AbortController();
  const promise = fetch(respond(TARGET), { signal: controller.signal });
  await user.question(t);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  await user.decide(t, "visit");
  const response = await fetch(respond(TARGET, { body: "text" }));
  assert_equals(await response.text(), "text");
}, "The question stays, for answers that outlast the request");

user_test(async (t) => {
  const token = newToken();
  const controller = new AbortController();
  const promise = fetch(respond(TARGET, { token }), { method: "PUT", signal: controller.signal });
  await user.question(t);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", promise);
  await user.decide(t, "visit");
  assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
}, "A yes that comes too late sends nothing");

user_test(async (t) => {
  const controller = new AbortController();
  const first = fetch(respond(TARGET), { signal: controller.signal });
  await user.question(t);
  const second = fetch(respond(TARGET, { body: "text" }));
  await user.question(t, (question) => question.requests.length === 2);
  controller.abort();
  await promise_rejects_dom(t, "AbortError", first);
  await user.decide(t, "once");
  assert_equals(await (await second).text(), "text");
}, "Others of the same question go on");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  const events = [];
  for (const type of ["loadstart", "progress", "abort", "error", "load", "loadend"]) {
    xhr.addEventListener(type, () => events.push(type));
  }
  xhr.open("GET", respond(TARGET));
  xhr.send();
  await user.question(t);
  xhr.abort();
  assert_array_equals(events, ["loadstart", "abort", "loadend"]);
}, "XMLHttpRequest");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET));
  xhr.timeout = 300;
  const event = await new Promise((resolve) => {
    xhr.ontimeout = xhr.onload = xhr.onerror = resolve;
    xhr.send();
  });
  assert_equals(event.type, "timeout");
  assert_equals(xhr.status, 0);
}, "XMLHttpRequest whose time is over before the user has answered");
