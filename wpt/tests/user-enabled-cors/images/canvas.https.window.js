// META: title=User-enabled CORS: images on canvases
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/media.js

const TARGET = ANSWERS.once;
const assert_readable = (name, image) => (name === PICTURE ? assert_array_equals(pixelOf(image), GREEN) : assert_equals(pixelOf(image).length, 4));

for (const name of [PICTURE, DRAWING]) {
  for (const choice of ["once", "visit", "always"]) {
    user_test(async (t) => {
      const loading = loadImage(file(TARGET, name));
      await user.decide(t, choice);
      assert_readable(name, await loading);
    }, `Allowed: ${name}, ${choice}`);
  }

  for (const choice of ["not-now", "never"]) {
    user_test(async (t) => {
      const loading = loadImage(file(TARGET, name));
      await user.decide(t, choice);
      assert_equals(await loading, null);
    }, `Declined: ${name}, ${choice}`);
  }

  user_test(async () => {
    const image = await loadImage(file(TARGET, name), null);
    assert_throws_dom("SecurityError", () => pixelOf(image));
    await user.assertNotAsked();
  }, `Without a CORS setting it taints, and nobody is asked: ${name}`);

  user_test(async () => {
    assert_equals(await loadImage(file(TARGET, name), "use-credentials"), null);
    await user.assertNotAsked();
  }, `With credentials nobody is asked: ${name}`);

  user_test(async () => {
    assert_readable(name, await loadImage(file(TARGET, name, "Access-Control-Allow-Origin,*")));
    await user.assertNotAsked();
  }, `Who allows it is not asked about: ${name}`);

  for (const [title, field] of [
    ["names another origin", `Access-Control-Allow-Origin,${OTHER_ORIGIN}`],
    ["opts out", "Access-Control-Prevent-Origin,*"],
    ["has the policy same-origin", "Cross-Origin-Resource-Policy,same-origin"],
  ]) {
    user_test(async () => {
      assert_equals(await loadImage(file(TARGET, name, field)), null);
      await user.assertNotAsked();
    }, `Nor is who ${title}: ${name}`);
  }

  user_test(async () => {
    assert_equals(await loadImage(file(LOCAL, name)), null);
    await user.assertNotAsked();
  }, `Nor is the local network: ${name}`);
}

answered_test("once", async () => {
  assert_array_equals(pixelOf(await loadImage(file(TEST_ORIGIN, DRAWING))), GREEN, "the page's own");
  assert_array_equals(pixelOf(await loadImage(file(TARGET, DRAWING))), GREEN);
}, "A drawing shows what it is");

for (const [title, read] of [
  ["getImageData()", (canvas) => canvas.getContext("2d").getImageData(0, 0, 1, 1)],
  ["toDataURL()", (canvas) => canvas.toDataURL()],
  ["toBlob()", (canvas) => canvas.toBlob(() => {})],
]) {
  const draw = (image) => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas;
  };
  answered_test("once", async () => {
    read(draw(await loadImage(file(TARGET, PICTURE))));
  }, `An allowed image taints nothing: ${title}`);

  answered_test("once", async () => {
    const canvas = draw(await loadImage(file(TARGET, PICTURE), null));
    assert_throws_dom("SecurityError", () => read(canvas));
  }, `One that was not asked for so taints: ${title}`);

  answered_test("once", async () => {
    const canvas = draw(await loadImage(file(TARGET, PICTURE)));
    canvas.getContext("2d").drawImage(await loadImage(file(TARGET, PICTURE), null), 0, 0);
    assert_throws_dom("SecurityError", () => read(canvas));
  }, `Both together taint: ${title}`);
}

answered_test("once", async () => {
  const bitmap = await createImageBitmap(await loadImage(file(TARGET, PICTURE)));
  assert_array_equals(pixelOf(bitmap), GREEN);
  const tainted = await createImageBitmap(await loadImage(file(TARGET, PICTURE), null));
  assert_throws_dom("SecurityError", () => pixelOf(tainted));
}, "createImageBitmap()");

answered_test("once", async () => {
  const response = await fetch(file(TARGET, PICTURE));
  const bitmap = await createImageBitmap(await response.blob());
  assert_array_equals(pixelOf(bitmap), GREEN);
}, "An image that was fetched");

answered_test("once", async () => {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = context.createPattern(await loadImage(file(TARGET, PICTURE)), "repeat");
  context.fillRect(0, 0, 2, 2);
  assert_array_equals(Array.from(context.getImageData(0, 0, 1, 1).data), GREEN);
}, "A pattern");

user_test(async (t) => {
  const url = file(TARGET, PICTURE);
  const plain = await loadImage(url, null);
  assert_throws_dom("SecurityError", () => pixelOf(plain));
  const loading = loadImage(url);
  await user.decide(t, "once");
  assert_array_equals(pixelOf(await loading), GREEN);
}, "An image that is in the cache of others is asked about");

user_test(async (t) => {
  const url = file(TARGET, PICTURE);
  const loading = loadImage(url);
  await user.decide(t, "visit");
  assert_array_equals(pixelOf(await loading), GREEN);
  const plain = await loadImage(url, null);
  assert_throws_dom("SecurityError", () => pixelOf(plain));
}, "An allowed image does not untaint the same without a CORS setting");

user_test(async (t) => {
  const url = file(TARGET, PICTURE);
  const loading = loadImage(url);
  await user.decide(t, "not-now");
  assert_equals(await loading, null);
  const plain = await loadImage(url, null);
  assert_not_equals(plain, null, "it can be shown");
}, "A declined image can still be shown without");

user_test(async (t) => {
  const loading = loadImage(file(TARGET, PICTURE));
  const question = await user.decide(t, "visit");
  assert_equals(question.action, "read");
  assert_array_equals(question.requests.map((request) => request.method), ["GET"]);
  await loading;
  assert_array_equals(pixelOf(await loadImage(file(TARGET, PICTURE))), GREEN);
  await user.assertNotAsked();
}, "A visit is for further images");

user_test(async (t) => {
  const loading = Promise.all([1, 2, 3].map(() => loadImage(file(TARGET, PICTURE))));
  await user.question(t, (question) => question.requests.length === 3);
  await user.decide(t, "once");
  for (const image of await loading) {
    assert_array_equals(pixelOf(image), GREEN);
  }
  await user.assertNotAsked();
}, "Several at once are one question");

user_test(async (t) => {
  await user.fetch(t, "visit", respond(TARGET));
  assert_array_equals(pixelOf(await loadImage(file(TARGET, PICTURE))), GREEN);
  await user.revokeAll();
  const loading = loadImage(file(TARGET, PICTURE));
  await user.decide(t, "not-now");
  assert_equals(await loading, null);
}, "What fetch() was allowed an image is, until it is revoked");

for (const [title, target, choice] of [["allowed", ONCE_TOO, "once"], ["declined", ONCE_TOO, "not-now"]]) {
  user_test(async (t) => {
    const loading = loadImage(redirect(TARGET, file(target, PICTURE)));
    const question = await user.decide(t, choice);
    assert_equals(question.hosts.length, 2);
    const image = await loading;
    if (choice === "once") {
      assert_array_equals(pixelOf(image), GREEN);
    } else {
      assert_equals(image, null);
    }
  }, `A redirect that is ${title}`);
}

user_test(async (t) => {
  const image = new Image();
  image.crossOrigin = "anonymous";
  const ended = new Promise((resolve) => (image.onload = image.onerror = (event) => resolve(event.type)));
  image.src = file(TARGET, PICTURE);
  await user.question(t);
  assert_false(image.complete);
  assert_equals(image.naturalWidth, 0, "nothing is told before the answer");
  await user.decide(t, "not-now");
  assert_equals(await ended, "error");
  assert_equals(image.naturalWidth, 0);
}, "Nothing shows while the user thinks, or after a no");

user_test(async (t) => {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = file(TARGET, PICTURE);
  await user.question(t);
  image.src = file(TEST_ORIGIN, PICTURE);
  await new Promise((resolve) => (image.onload = resolve));
  await user.decide(t, "visit");
  assert_array_equals(pixelOf(image), GREEN);
  assert_true(image.currentSrc.startsWith(TEST_ORIGIN));
}, "An image that becomes another one while the user thinks");
