// META: title=User-enabled CORS: images and films as textures
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=/user-enabled-cors/resources/servers.sub.js
// META: script=/user-enabled-cors/resources/user.js
// META: script=/user-enabled-cors/resources/media.js

const TARGET = ANSWERS.once;
const assert_readable = (name, image) => (name === PICTURE ? assert_array_equals(texelOf(image), GREEN) : assert_equals(texelOf(image).length, 4));

// Reads what a texture is made of, by drawing into it and out of it. Throws a SecurityError if it may not be read.
function texelOf(source) {
  const gl = document.createElement("canvas").getContext("webgl");
  assert_implements_optional(gl, "WebGL");
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, source);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const pixel = new Uint8Array(4);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return Array.from(pixel);
}

for (const name of [PICTURE, DRAWING]) {
  user_test(async (t) => {
    const loading = loadImage(file(TARGET, name));
    await user.decide(t, "once");
    assert_readable(name, await loading);
  }, `An allowed image: ${name}`);

  user_test(async () => {
    const image = await loadImage(file(TARGET, name), null);
    assert_throws_dom("SecurityError", () => texelOf(image));
    await user.assertNotAsked();
  }, `An image without a CORS setting: ${name}`);

  user_test(async (t) => {
    const loading = loadImage(file(TARGET, name));
    await user.decide(t, "not-now");
    assert_equals(await loading, null);
  }, `A declined image: ${name}`);

  user_test(async () => {
    assert_readable(name, await loadImage(file(TARGET, name, "Access-Control-Allow-Origin,*")));
    await user.assertNotAsked();
  }, `An image that its server allows: ${name}`);
}

for (const [title, setting, answer, isRead] of [
  ["allowed", "anonymous", "once", true],
  ["without a CORS setting", null, "once", false],
]) {
  answered_test(answer, async (t) => {
    const video = await loadMedia(t, "video", file(TARGET, FILM), setting);
    if (isRead) {
      assert_greenish(texelOf(video));
    } else {
      assert_throws_dom("SecurityError", () => texelOf(video));
    }
  }, `A film ${title}`);
}

answered_test("once", async (t) => {
  const video = await loadMedia(t, "video", file(TARGET, FILM, "Access-Control-Allow-Origin,*"));
  assert_greenish(texelOf(video));
}, "A film that its server allows");

answered_test("once", async () => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2;
  canvas.getContext("2d").drawImage(await loadImage(file(TARGET, PICTURE)), 0, 0);
  assert_array_equals(texelOf(canvas), GREEN);
  canvas.getContext("2d").drawImage(await loadImage(file(TARGET, PICTURE), null), 0, 0);
  assert_throws_dom("SecurityError", () => texelOf(canvas));
}, "A canvas, by what was drawn on it");

answered_test("once", async () => {
  const gl = document.createElement("canvas").getContext("webgl");
  assert_implements_optional(gl, "WebGL");
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 4, 4, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
  gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, await loadImage(file(TARGET, PICTURE)));
  assert_equals(gl.getError(), gl.NO_ERROR);
  const tainted = await loadImage(file(TARGET, PICTURE), null);
  assert_throws_dom("SecurityError", () => gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, tainted));
}, "A part of a texture");
