// META: title=User-enabled CORS: bodies as streams
// META: script=/user-enabled-cors/resources/servers.sub.js

const decode = (chunk) => new TextDecoder().decode(chunk);

async function readAll(reader) {
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    text += decode(read.value);
  }
  return text;
}

promise_test(async () => {
  const gate = newToken();
  const response = await fetch(respond(ANSWERS.visit, { "hold-body": gate, body: "abcd" }));
  const reader = response.body.getReader();
  assert_equals(decode((await reader.read()).value), "ab", "what has come can be read before the rest is there");
  await release(gate);
  assert_equals(await readAll(reader), "cd");
}, "A body is read as it comes");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { size: 2000000 }));
  assert_equals((await readAll(response.body.getReader())).length, 2000000);
}, "A large body is read to its end");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { endless: "" }));
  const reader = response.body.getReader();
  let size = 0;
  while (size < 1000000) {
    size += (await reader.read()).value.length;
  }
  await reader.cancel();
}, "A body without an end is read as long as the page likes");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { body: "text" }));
  const [one, two] = response.body.tee();
  assert_equals(await readAll(one.getReader()), "text");
  assert_equals(await readAll(two.getReader()), "text");
}, "A body can be teed");

promise_test(async (t) => {
  const response = await fetch(respond(ANSWERS.once, { body: "text" }));
  assert_equals(await response.text(), "text");
  await rejects(t, response.text());
}, "A body is read once");

for (const kind of ["cut-body", "bad-chunk"]) {
  promise_test(async (t) => {
    const broken = fetch(handler(ANSWERS.visit, "broken.py", { kind })).then((response) => response.text());
    await rejects(t, broken);
  }, `A body that breaks off is an error: ${kind}`);
}

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { status: 204 }));
  assert_equals(await response.text(), "");
}, "A response without a body");

promise_test(async () => {
  const response = await fetch(respond(ANSWERS.once, { body: "text" }), { method: "PUT" });
  assert_equals(await readAll(response.body.getReader()), "text");
}, "The body of the response to an anonymous request");
