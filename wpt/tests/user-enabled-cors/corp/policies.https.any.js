// META: title=User-enabled CORS: Cross-Origin-Resource-Policy
// META: script=/user-enabled-cors/resources/servers.sub.js

const policy = (...values) => ({ body: "text", header: values.map((value) => `Cross-Origin-Resource-Policy:${value}`) });

for (const [values, blocks] of [
  [["same-origin"], true],
  [["same-site"], true],
  [["cross-origin", "same-origin"], true],
  [["same-site", "cross-origin"], true],
  [["cross-origin"], false],
  [["unknown"], false],
  [["Same-Origin"], false],
  [[""], false],
]) {
  const shown = values.join(" | ");
  for (const [title, init] of [["a simple request", {}], ["a request after a preflight", { method: "PUT" }]]) {
    promise_test(async (t) => {
      const promise = fetch(respond(ANSWERS.once, policy(...values)), init);
      if (blocks) {
        await rejects(t, promise);
      } else {
        assert_equals(await (await promise).text(), "text");
      }
    }, `"${shown}" is ${blocks ? "a no" : "no no"}: ${title}`);
  }
}

promise_test(async () => {
  await fetch(respond(ANSWERS.once, policy("same-origin"))).catch(() => {});
  const response = await fetch(respond(ANSWERS.once, { body: "text" }));
  assert_equals(await response.text(), "text");
}, "It is not remembered");

promise_test(async () => {
  const header = ["Cross-Origin-Resource-Policy:same-origin", ALLOW_ALL];
  const response = await fetch(respond(ANSWERS.once, { body: "text", header }));
  assert_equals(await response.text(), "text");
}, "It takes nothing from what CORS allows");

promise_test(async (t) => {
  await fetch(respond(ANSWERS.visit));
  await rejects(t, fetch(respond(ANSWERS.visit, policy("same-origin"))));
}, "It counts under a permission too");
