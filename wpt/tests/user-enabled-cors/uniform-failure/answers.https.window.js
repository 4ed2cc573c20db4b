// META: title=User-enabled CORS: whatever the user's no was, the failure is the same
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const describe = (error) => JSON.stringify([error.constructor.name, error.name, error.message, Object.keys(error)]);
const failureOf = (promise) => promise.then(() => assert_unreached("it is refused"), describe);
const plain = () => failureOf(fetch(respond(TARGET, { header: `Access-Control-Allow-Origin:${OTHER_ORIGIN}` })));

for (const [title, refuse] of [
  ["Not now", (t) => user.decide(t, "not-now")],
  ["Never", (t) => user.decide(t, "never")],
  ["no answer in two minutes", async (t) => {
    await user.question(t);
    await user.advance(120001);
  }],
  ["the target was blocked meanwhile", async (t) => {
    await user.question(t);
    await user.block(TARGET);
  }],
  ["the feature was switched off meanwhile", async (t) => {
    await user.question(t);
    await user.setPreference("user_cors.enabled", false);
  }],
]) {
  for (const method of ["GET", "POST", "PUT"]) {
    user_test(async (t) => {
      const expected = await plain();
      const promise = failureOf(fetch(respond(TARGET), { method }));
      await refuse(t);
      assert_equals(await promise, expected);
    }, `The same error: ${title}, ${method}`);
  }
}

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  const events = [];
  xhr.onreadystatechange = () => events.push(xhr.readyState);
  for (const type of ["loadstart", "progress", "load", "error", "loadend"]) {
    xhr.addEventListener(type, () => events.push(type));
  }
  xhr.open("GET", respond(TARGET, { body: "text" }));
  xhr.send();
  await user.question(t);
  assert_array_equals(events, [1, "loadstart"], "while the user thinks the page is told nothing");
  const ended = new Promise((resolve) => xhr.addEventListener("loadend", resolve));
  await user.decide(t, "not-now");
  await ended;
  assert_array_equals(events, [1, "loadstart", 4, "error", "loadend"]);
}, "XMLHttpRequest is told nothing before the answer, and then what it always was");

user_test(async (t) => {
  const url = respond(TARGET, { for: newToken() });
  const promise = fetch(url);
  await user.question(t);
  assert_equals(performance.getEntriesByName(url).length, 0);
  await user.decide(t, "once");
  await (await promise).text();
  await eventually(t, () => performance.getEntriesByName(url).length === 1, "there is one entry");
}, "There is one timing entry, when the request has ended");
