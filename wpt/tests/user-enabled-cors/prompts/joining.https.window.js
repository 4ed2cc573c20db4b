// META: title=User-enabled CORS: requests that join one question
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/many-hosts.sub.js

const TARGET = ANSWERS.once;
const OTHER = ANSWERS.visit;
const all = async (promises) => (await Promise.all(promises)).map((response) => response.status);

// Begins requests, and waits until a question lists them all.
async function begin(t, requests) {
  const promises = requests.map(([url, init]) => fetch(url, init));
  const question = await user.question(t, (now) => now.requests.length === requests.length);
  return { promises, question };
}

user_test(async (t) => {
  const { promises, question } = await begin(t, [[respond(TARGET, { n: 1 })], [respond(TARGET, { n: 2 })]]);
  assert_array_equals(question.hosts, [TARGET]);
  assert_equals(question.waiting, 0);
  await user.decide(t, "once");
  assert_array_equals(await all(promises), [200, 200]);
  await user.assertNotAsked();
}, "Of one origin");

user_test(async (t) => {
  const { promises, question } = await begin(t, [[respond(TARGET)], [respond(ONCE_TOO)], [respond(OTHER)]]);
  assert_array_equals([...question.hosts].sort(), [TARGET, ONCE_TOO, OTHER].sort());
  await user.decide(t, "once");
  assert_array_equals(await all(promises), [200, 200, 200]);
}, "Of one registrable domain");

user_test(async (t) => {
  const { promises, question } = await begin(t, [[respond(TARGET)], [respond(TARGET), { method: "PUT" }]]);
  assert_equals(question.action, "send-and-read");
  assert_array_equals(question.requests.map((request) => request.method).sort(), ["GET", "PUT"]);
  assert_false(question.choices.includes("always"));
  await user.decide(t, "once");
  assert_array_equals(await all(promises), [200, 200]);
}, "Of several methods");

user_test(async (t) => {
  const { promises } = await begin(t, [[respond(TARGET)], [respond(ONCE_TOO)]]);
  await user.decide(t, "not-now");
  await Promise.all(promises.map((promise) => rejects(t, promise)));
  await user.assertNotAsked();
}, "A no is one for all");

user_test(async (t) => {
  const { promises } = await begin(t, [[respond(TARGET)], [respond(ONCE_TOO)]]);
  await user.decide(t, "never");
  await Promise.all(promises.map((promise) => rejects(t, promise)));
  const { denials } = await user.permissions();
  assert_array_equals(denials.map((denial) => denial.target).sort(), [TARGET, ONCE_TOO].sort());
  await user.input();
  await user.assertAsked(t, respond(OTHER));
}, "Never is for those that were listed, and no others");

user_test(async (t) => {
  const { promises } = await begin(t, [[respond(TARGET)], [respond(ONCE_TOO)]]);
  await user.decide(t, "visit");
  await all(promises);
  await user.assertRead(respond(TARGET));
  await user.assertRead(respond(ONCE_TOO));
  await user.assertAsked(t, respond(OTHER));
}, "So is a permission");

user_test(async (t) => {
  const { promises } = await begin(t, [[respond(TARGET)], [respond(ONCE_TOO), { method: "PUT" }]]);
  await user.decide(t, "visit");
  await all(promises);
  await user.assertRead(respond(ONCE_TOO), { method: "PUT" });
  await user.assertAsked(t, respond(TARGET), { method: "PUT" });
}, "What was listed for one is not allowed for another");

user_test(async (t) => {
  const { promises } = await begin(t, [
    [respond(TARGET), { method: "PUT", headers: { "X-A": "1" } }],
    [respond(TARGET), { method: "DELETE", headers: { "X-B": "1" } }],
  ]);
  await user.decide(t, "visit");
  await all(promises);
  await user.assertAsked(t, respond(TARGET), { method: "PUT", headers: { "X-B": "1" } });
}, "Nor a method with another's header fields");

user_test(async (t) => {
  const source = "onmessage = (event) => fetch(event.data).then((r) => r.text(), (e) => e.name).then(postMessage);";
  const worker = new Worker(respond(TEST_ORIGIN, { type: "text/javascript", body: source }));
  t.add_cleanup(() => worker.terminate());
  const own = fetch(respond(TARGET, { body: "page" }));
  await user.question(t);
  worker.postMessage(respond(TARGET, { body: "worker" }));
  await user.question(t, (question) => question.requests.length === 2);
  const message = new Promise((resolve) => (worker.onmessage = (event) => resolve(event.data)));
  await user.decide(t, "once");
  assert_equals(await (await own).text(), "page");
  assert_equals(await message, "worker");
}, "A worker's and its page's");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  xhr.open("GET", respond(TARGET, { body: "xhr" }));
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  const image = new Image();
  image.crossOrigin = "anonymous";
  const shown = new Promise((resolve) => (image.onload = image.onerror = (event) => resolve(event.type)));
  const fetched = fetch(respond(TARGET, { body: "fetch" }));
  xhr.send();
  image.src = new URL("/user-enabled-cors/resources/green.png", TARGET).href;
  await user.question(t, (question) => question.requests.length === 3);
  await user.decide(t, "once");
  await ended;
  assert_equals(xhr.responseText, "xhr");
  assert_equals(await (await fetched).text(), "fetch");
  assert_equals(await shown, "load");
}, "fetch(), XMLHttpRequest and an image");

user_test(async (t) => {
  const promises = [fetch(respond(TARGET)), fetch(respond(SAME_SITE))];
  const question = await user.question(t, (now) => now.waiting === 1);
  assert_equals(question.hosts.length, 1);
  await user.decide(t, "once");
  await user.decide(t, "once");
  await Promise.all(promises);
}, "Those of two registrable domains do not");

user_test(async (t) => {
  await user.setPreference("user_cors.local_network", "warn");
  const first = fetch(respond(TARGET));
  await user.question(t);
  const second = fetch(respond(LOCAL));
  const question = await user.question(t, (now) => now.waiting === 1);
  assert_equals(question.local, false);
  await user.decide(t, "once");
  await first;
  assert_equals((await user.question(t)).local, true);
  await user.decide(t, "not-now");
  await rejects(t, second);
}, "Nor those of two networks");

user_test(async (t) => {
  const first = fetch(respond(TARGET, { n: 1 }));
  await user.question(t);
  await user.openChip();
  await user.look();
  const second = fetch(respond(TARGET, { n: 2 }));
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  const [shown] = await user.questions();
  assert_equals(shown.requests.length, 1, "it waits, and is not listed");
  assert_true((await user.answer("once")).accepted);
  await first;
  const question = await user.question(t);
  assert_true(question.requests[0].url.includes("n=2"), "it was not shown, so it asks");
  await user.decide(t, "once");
  await second;
}, "Once is not for a request that came while the question was in view");

user_test(async (t) => {
  const first = fetch(respond(TARGET, { n: 1 }));
  await user.question(t);
  await user.openChip();
  await user.look();
  const second = fetch(respond(TARGET, { n: 2 }));
  await fetch(respond(TARGET, { header: ALLOW_ALL }));
  assert_true((await user.answer("visit")).accepted);
  await Promise.all([first, second]);
  await user.assertNotAsked();
}, "A visit is");
