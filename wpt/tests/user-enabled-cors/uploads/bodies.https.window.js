// META: title=User-enabled CORS: bodies that are sent
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js

const TARGET = ANSWERS.once;
const bytes = (length) => Uint8Array.from({ length }, (_, index) => (index * 7) % 128);
const textOf = (array) => new TextDecoder().decode(array);
const form = (...entries) => {
  const made = new FormData();
  for (const entry of entries) {
    made.append(...entry);
  }
  return made;
};

// [title, body, what the server has to see, or a test of it, whether it is sent without a preflight]
const BODIES = [
  ["text", () => "text", "text", true],
  ["no text", () => "", "", true],
  ["text with other letters", () => "é€😀", "é€😀", true],
  ["URLSearchParams", () => new URLSearchParams([["a", "1 2"], ["b", "é"]]), "a=1+2&b=%C3%A9", true],
  ["a Blob", () => new Blob(["blob"]), "blob", true],
  ["a Blob of a safe type", () => new Blob(["blob"], { type: "text/plain" }), "blob", true],
  ["a Blob of another type", () => new Blob(["{}"], { type: "application/json" }), "{}", false],
  ["a part of a Blob", () => new Blob(["0123456789"]).slice(2, 5), "234", true],
  ["a File", () => new File(["file"], "name.bin"), "file", true],
  ["an ArrayBuffer", () => bytes(1000).buffer, textOf(bytes(1000)), true],
  ["a Uint8Array", () => bytes(1000), textOf(bytes(1000)), true],
  ["a part of a Uint8Array", () => bytes(1000).subarray(10, 20), textOf(bytes(1000).subarray(10, 20)), true],
  ["a Uint16Array", () => new Uint16Array([0x4241, 0x4443]), "ABCD", true],
  ["a Float64Array", () => new Float64Array(bytes(80).buffer), textOf(bytes(80)), true],
  ["a DataView", () => new DataView(bytes(100).buffer, 50), textOf(bytes(100).subarray(50)), true],
  ["a form", () => form(["name", "value"], ["name", "again"]), (body) => /name="name"[^]*value[^]*name="name"[^]*again/.test(body), true],
  ["a form with a file", () => form(["file", new File([bytes(2000)], "name.bin", { type: "application/x-own" })]), (body) => body.includes('filename="name.bin"') && body.includes("application/x-own") && body.includes(textOf(bytes(2000))), true],
  ["a form of a page", () => {
    const element = document.createElement("form");
    element.innerHTML = '<input name=a value=1><input name=b type=checkbox checked><input name=c disabled value=2>';
    return new FormData(element);
  }, (body) => /name="a"[^]*1[^]*name="b"[^]*on/.test(body) && !body.includes('name="c"'), true],
];

function assert_body(record, expected) {
  if (typeof expected === "string") {
    assert_equals(record.body, expected);
  } else {
    assert_true(expected(record.body), record.body);
  }
}

for (const [title, body, expected, isSimple] of BODIES) {
  user_test(async (t) => {
    const token = newToken();
    const promise = fetch(respond(TARGET, { token, body: "answer" }), { method: "POST", body: body() });
    const question = await user.question(t);
    assert_equals(question.action, "send-and-read");
    const before = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(before.length, isSimple ? 1 : 0, "before the answer");
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "answer");
    const after = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(after.length, 1, "it is sent once");
    assert_body(after[0], expected);
  }, `POST of ${title}`);

  user_test(async (t) => {
    const token = newToken();
    const promise = fetch(respond(TARGET, { token, body: "answer" }), { method: "PUT", body: body() });
    await user.question(t);
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"], "before the answer");
    await user.decide(t, "once");
    assert_equals(await (await promise).text(), "answer");
    const puts = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(puts.length, 1);
    assert_body(puts[0], expected);
  }, `PUT of ${title}`);

  user_test(async (t) => {
    const token = newToken();
    await rejects(t, user.fetch(t, "not-now", respond(TARGET, { token }), { method: "PUT", body: body() }));
    assert_array_equals((await seen(token)).map((record) => record.method), ["OPTIONS"]);
  }, `PUT of ${title} is not sent if it is declined`);

  user_test(async (t) => {
    const token = newToken();
    const xhr = new XMLHttpRequest();
    xhr.open("PUT", respond(TARGET, { token }));
    const ended = new Promise((resolve) => (xhr.onloadend = resolve));
    xhr.send(body());
    await user.decide(t, "once");
    await ended;
    assert_equals(xhr.status, 200);
    const puts = (await seen(token)).filter((record) => !record.isPreflight);
    assert_equals(puts.length, 1);
    assert_body(puts[0], expected);
  }, `XMLHttpRequest with ${title}`);
}

for (const size of [65536, 1000000, 10000000]) {
  for (const method of ["POST", "PUT"]) {
    user_test(async (t) => {
      const token = newToken();
      const promise = fetch(respond(TARGET, { token }), { method, body: new Uint8Array(size) });
      const question = await user.decide(t, "once");
      assert_equals(question.requests[0].body_size, size);
      await promise;
      const sent = (await seen(token)).filter((record) => !record.isPreflight);
      assert_array_equals(sent.map((record) => record.bodyLength), [size]);
    }, `${method} of ${size} bytes`);
  }
}

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  const events = [];
  for (const type of ["loadstart", "load", "loadend", "error"]) {
    xhr.upload.addEventListener(type, () => events.push(type));
  }
  xhr.open("POST", respond(TARGET));
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  xhr.send("text");
  await user.question(t);
  assert_false(events.includes("load"), "nothing was sent yet");
  await user.decide(t, "once");
  await ended;
  assert_equals(xhr.status, 200);
  assert_true(events.includes("load") && events.includes("loadend"), String(events));
}, "The events of an upload come when it is sent");

user_test(async (t) => {
  const xhr = new XMLHttpRequest();
  const events = [];
  for (const type of ["loadstart", "progress", "load", "loadend", "error"]) {
    xhr.upload.addEventListener(type, () => events.push(type));
  }
  xhr.open("POST", respond(TARGET));
  const ended = new Promise((resolve) => (xhr.onloadend = resolve));
  xhr.send("text");
  await user.decide(t, "not-now");
  await ended;
  assert_array_equals(events, ["loadstart", "error", "loadend"]);
}, "An upload that is declined ends with an error");

user_test(async (t) => {
  const token = newToken();
  const data = new Uint8Array(100).fill(65);
  const promise = fetch(respond(TARGET, { token }), { method: "PUT", body: data });
  await user.question(t);
  data.fill(66);
  await user.decide(t, "once");
  await promise;
  assert_equals((await seen(token))[1].body, "A".repeat(100));
}, "What is sent is what the page gave, whatever becomes of it while the user thinks");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET), { method: "PUT", body: "1" });
  const token = newToken();
  await Promise.all(["a", "b", "c"].map((body) => fetch(respond(TARGET, { token }), { method: "PUT", body })));
  const puts = (await seen(token)).filter((record) => !record.isPreflight);
  assert_array_equals(puts.map((record) => record.body).sort(), ["a", "b", "c"]);
}, "Several under a permission, each once");
