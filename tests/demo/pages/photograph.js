// Scene 2: draw another origin's photo on a canvas, and read its pixels.

import { onPress, playIfAutomatic, show } from "/scene.js";
import { origins } from "/world.js";

const publicPhoto = new URL("/public/valley.jpg", origins.photos);
const privatePhoto = new URL("/private/harbour.jpg", origins.photos);
const canvas = document.getElementById("canvas");

/// Loads an image element; `null` if it cannot be.
function loaded(image, url) {
  return new Promise((resolve) => {
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

/// Whether the pixels of an image that was loaded without CORS can be read: they never can.
function isReadable(image) {
  const scratch = document.createElement("canvas");
  scratch.width = 8;
  scratch.height = 8;
  const context = scratch.getContext("2d");
  context.drawImage(image, 0, 0, 8, 8);
  try {
    context.getImageData(0, 0, 8, 8);
    return true;
  } catch {
    return false;
  }
}

/// How often each brightness occurs, in 64 steps, and the average colour.
function analysed(pixels) {
  const histogram = new Array(64).fill(0);
  const sums = [0, 0, 0];
  for (let index = 0; index < pixels.length; index += 4) {
    const [red, green, blue] = [pixels[index], pixels[index + 1], pixels[index + 2]];
    sums[0] += red;
    sums[1] += green;
    sums[2] += blue;
    histogram[Math.min(63, Math.floor((red * 0.2126 + green * 0.7152 + blue * 0.0722) / 4))] += 1;
  }
  const count = pixels.length / 4;
  return { histogram, average: sums.map((sum) => Math.round(sum / count)) };
}

function drawHistogram(context, histogram) {
  const [width, height] = [canvas.width / histogram.length, 150];
  const highest = Math.max(...histogram);
  context.fillStyle = "rgba(10, 16, 24, 0.55)";
  context.fillRect(0, canvas.height - height - 20, canvas.width, height + 20);
  context.fillStyle = "rgba(255, 255, 255, 0.92)";
  histogram.forEach((value, index) => {
    const bar = (value / highest) * height;
    context.fillRect(index * width + 1, canvas.height - bar, width - 2, bar);
  });
}

/// Average colours of vertical stripes, as a palette.
function showPalette(pixels) {
  const stripes = 8;
  const swatches = document.getElementById("swatches");
  swatches.replaceChildren();
  for (let stripe = 0; stripe < stripes; stripe += 1) {
    const rows = canvas.height / stripes;
    const from = stripe * rows * canvas.width * 4;
    const { average } = analysed(pixels.subarray(from, from + rows * canvas.width * 4));
    const swatch = document.createElement("span");
    swatch.style.background = `rgb(${average.join(", ")})`;
    swatches.append(swatch);
  }
}

async function readPixels() {
  show("verdict-public", "", "The public photo: asking…");
  const image = new Image();
  image.crossOrigin = "anonymous";
  if (!(await loaded(image, publicPhoto))) {
    show("verdict-public", "refused", "The public photo: an error event, as always without CORS.");
    return { outcome: "refused" };
  }
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const { histogram, average } = analysed(data);
  showPalette(data);
  drawHistogram(context, histogram);
  const text = `${image.naturalWidth} × ${image.naturalHeight} pixels read; on average rgb(${average.join(", ")}).`;
  show("verdict-public", "read", `The public photo: ${text}`);
  return { outcome: "read", width: image.naturalWidth, height: image.naturalHeight, average };
}

async function readPrivate() {
  show("verdict-private", "", "The private photo's bytes: asking…");
  try {
    const response = await fetch(privatePhoto);
    const text = response.ok ? "they were read, which must not be!" : "what anyone gets. Your session was not used.";
    show("verdict-private", response.ok ? "refused" : "read", `The private photo's bytes: ${response.status}, ${text}`);
    return { outcome: "read", status: response.status, type: response.type };
  } catch (error) {
    show("verdict-private", "refused", "The private photo's bytes: a network error, as always without CORS.");
    return { outcome: "refused", error: error.name };
  }
}

/// Shows both photos as any page may, and tells whether the user has a session at the photo host.
async function showPhotos() {
  const shown = await loaded(document.getElementById("shown"), publicPhoto);
  const readable = shown !== null && isReadable(shown);
  document.getElementById("tainted").textContent = readable ? "" : "A canvas that it is drawn on cannot be read.";
  const session = await loaded(document.getElementById("private"), privatePhoto);
  show(
    "verdict-session",
    session ? "read" : "",
    session
      ? "You are signed in at the photo host: the browser shows its private photo here, with your cookie."
      : "You are not signed in at the photo host: its private photo does not show.",
  );
  return { shown: shown !== null, readableWithoutCors: readable, signedIn: session !== null };
}

const photos = showPhotos();
onPress("run", readPixels);
onPress("run-private", readPrivate);
playIfAutomatic("photograph", async () => ({
  embedded: await photos,
  public: await readPixels(),
  private: await readPrivate(),
}));
