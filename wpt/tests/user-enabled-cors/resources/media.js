// Pictures, films and sounds of a server, and what comes of loading them. Needs servers.sub.js.

const GREEN = [0, 255, 0, 255];

// The URL of a file of another server: under resources/, with further header fields, each `Name,Value`.
function file(origin, name, ...fields) {
  const url = new URL(`/user-enabled-cors/resources/${name}`, origin);
  if (fields.length > 0) {
    url.searchParams.set("pipe", fields.map((field) => `header(${field})`).join("|"));
  }
  url.searchParams.set("for", newToken());
  return url.href;
}
const PICTURE = "green.png";
const DRAWING = "media/picture.svg";
const FILM = "media/green.webm";
const SOUND = "media/tone.ogg";
const CUES = "media/cues.vtt";
const FONT = "media/wide.ttf";

// Loads an image. Returns it, or null.
function loadImage(src, crossOrigin = "anonymous") {
  const image = new Image();
  if (crossOrigin !== null) {
    image.crossOrigin = crossOrigin;
  }
  return new Promise((resolve) => {
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = src;
  });
}

// Loads audio or video up to its first piece. Returns the element, or null.
function loadMedia(t, name, src, crossOrigin = "anonymous") {
  const element = document.createElement(name);
  if (crossOrigin !== null) {
    element.crossOrigin = crossOrigin;
  }
  element.muted = true;
  element.preload = "auto";
  t.add_cleanup(() => {
    element.removeAttribute("src");
    element.load();
    element.remove();
  });
  return new Promise((resolve) => {
    element.onloadeddata = () => resolve(element);
    element.onerror = () => resolve(null);
    element.src = src;
    document.body.append(element);
  });
}

// The first pixel of what is drawn on a canvas. Throws a SecurityError if that taints it.
function pixelOf(source) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2;
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, 2, 2);
  return Array.from(context.getImageData(0, 0, 1, 1).data);
}

// Colours of films are not exact.
function assert_greenish(pixel) {
  const [red, green, blue] = pixel;
  assert_true(red < 60 && green > 190 && blue < 60, `green: ${pixel}`);
}
