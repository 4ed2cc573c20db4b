// META: title=User-enabled CORS: what a question shows
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/targets.sub.js

const TARGET = ANSWERS.once;
const shown = (t, url, init) => user.assertAsked(t, url, init);

user_test(async (t) => {
  const question = await shown(t, respond(TARGET));
  assert_equals(question.requester, TEST_ORIGIN);
  assert_array_equals(question.hosts, [TARGET]);
  assert_equals(question.local, false);
  assert_equals(question.step, "only");
  assert_equals(question.waiting, 0);
}, "Who asks, and whom");

for (const [method, action] of [["GET", "read"], ["HEAD", "read"], ["POST", "send-and-read"], ["PUT", "send-and-read"], ["PATCH", "send-and-read"], ["DELETE", "send-and-read"]]) {
  user_test(async (t) => {
    const url = respond(TARGET);
    const question = await shown(t, url, { method });
    assert_equals(question.action, action);
    assert_equals(question.requests[0].method, method);
    assert_equals(question.requests[0].url, url);
  }, `What is done: ${method}`);
}

for (const [title, body, size] of [
  ["none", undefined, 0],
  ["text", "12345", 5],
  ["text of more bytes than characters", "é€", 5],
  ["a buffer", new Uint8Array(1000), 1000],
  ["a Blob", new Blob(["1234567"]), 7],
  ["URLSearchParams", new URLSearchParams("a=1&b=2"), 7],
]) {
  user_test(async (t) => {
    const question = await shown(t, respond(TARGET), { method: "POST", body });
    assert_equals(question.requests[0].body_size, size);
  }, `The size of a body: ${title}`);
}

user_test(async (t) => {
  const form = new FormData();
  form.append("name", "value");
  form.append("file", new File([new Uint8Array(5000)], "name.bin"));
  const token = newToken();
  const promise = fetch(respond(TARGET, { token }), { method: "POST", body: form });
  const question = await user.decide(t, "once");
  await promise;
  assert_equals(question.requests[0].body_size, (await seen(token))[0].bodyLength);
}, "The size of a body: a form");

user_test(async (t) => {
  const headers = { "X-Api-Key": "secret-1", Authorization: "Bearer secret-2", "Content-Type": "application/json" };
  const question = await shown(t, respond(TARGET), { method: "POST", headers, body: "secret-3" });
  const names = question.requests[0].headers.map((name) => name.toLowerCase());
  for (const name of Object.keys(headers)) {
    assert_true(names.includes(name.toLowerCase()), name);
  }
  assert_false(JSON.stringify(question).includes("secret"), "values and bodies are never shown");
}, "Header fields by their names");

user_test(async (t) => {
  const question = await shown(t, respond(TARGET));
  assert_array_equals(question.requests[0].headers, [], "what the browser adds is not the page's");
}, "None where the page set none");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET));
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  xhr.send();
  const question = await user.decide(t, "once");
  await ended;
  assert_array_equals(question.requests[0].headers, []);
}, "Nor those that XMLHttpRequest adds");

user_test(async (t) => {
  const url = respond(TARGET, { long: "x".repeat(5000) });
  const [request] = (await shown(t, url)).requests;
  assert_less_than(request.url.length, 2200);
  assert_true(request.url.startsWith(url.slice(0, 500)));
}, "A long URL is cut");

user_test(async (t) => {
  const question = await shown(t, respond(TARGET, { text: "\u202e\u0000\u2066\u200b<b>\n" }));
  assert_regexp_match(question.requests[0].url, /^[\x21-\x7e]+$/, "nothing in it turns or hides text");
}, "A URL is shown as it is written");

user_test(async (t) => {
  const name = `X-${"a".repeat(300)}`;
  const [request] = (await shown(t, respond(TARGET), { headers: { [name]: "1" } })).requests;
  assert_equals(request.headers.length, 1);
  assert_less_than(request.headers[0].length, 200);
}, "A long name of a header field is cut");

user_test(async (t) => {
  const { hosts } = await shown(t, respond(REMEMBERING));
  assert_array_equals(hosts, [REMEMBERING], "as it is in a URL");
  assert_true(hosts[0].includes("xn--"));
}, "A host with other letters than ASCII");

user_test(async (t) => {
  const promise = fetch(redirect(TARGET, redirect(ONCE_TOO, respond(ANSWERS.visit, { body: "end" }))));
  const question = await user.decide(t, "once");
  assert_array_equals([...question.hosts].sort(), [TARGET, ONCE_TOO, ANSWERS.visit].sort());
  assert_equals(question.requests.length, 1);
  await promise;
}, "Every target of a chain");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const question = await shown(t, respond(LOCAL));
  assert_equals(question.local, true);
  assert_equals(question.step, "warning");
}, "That a target is in the local network");

user_test(async (t) => {
  const promise = fetch(respond(TARGET));
  const before = await user.question(t);
  const again = await user.question(t);
  assert_equals(again.revision, before.revision, "what does not change keeps its number");
  const second = fetch(respond(ONCE_TOO));
  const after = await user.question(t, (question) => question.requests.length === 2);
  assert_greater_than(after.revision, before.revision);
  await user.decide(t, "once");
  await Promise.all([promise, second]);
}, "What changes has another number");
