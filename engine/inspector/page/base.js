// @ts-check
"use strict";

/**
 * What all scripts of the page share: one global object, to which each adds its part.
 * Texts of a call go into the page as text only, never as markup.
 */
/** @type {any} */
var antiphon = {};

/** An element with a class and what is in it: texts, elements, or nothing.
 * @param {string} tag @param {string} [classes] @param {...(string|Node|null)} inside */
antiphon.el = function (tag, classes, ...inside) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  for (const one of inside) if (one !== null && one !== "") element.append(one);
  return element;
};

/** The element of the page with this id. @param {string} id @returns {any} */
antiphon.at = function (id) {
  return document.getElementById(id);
};

/** Milliseconds as 12.345 s, or 1:02.345 from a minute on. @param {number} ms */
antiphon.clock = function (ms) {
  const minutes = Math.floor(ms / 60000);
  const seconds = (ms - minutes * 60000) / 1000;
  if (!minutes) return seconds.toFixed(3) + " s";
  return minutes + ":" + seconds.toFixed(3).padStart(6, "0");
};

/** A wall-clock time as people here write it; as it is, if it is none. @param {string} iso */
antiphon.date = function (iso) {
  const date = new Date(iso);
  return isNaN(date.getTime()) ? iso : date.toLocaleString([], { dateStyle: "short", timeStyle: "medium" });
};

/** How long something took. @param {number} ms */
antiphon.took = function (ms) {
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 60000) return (ms / 1000).toFixed(ms < 10000 ? 2 : 1) + " s";
  return Math.floor(ms / 60000) + " min " + Math.round((ms % 60000) / 1000) + " s";
};

/** The first place of a rising list whose value is at least this.
 * @param {ArrayLike<number>} values @param {number} least @param {number} [from] */
antiphon.firstAtLeast = function (values, least, from) {
  let low = from || 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < least) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Put a text on the clipboard, or show it where that is not allowed.
 * @param {string} text @param {string} what */
antiphon.copy = async function (text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = antiphon.el("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    if (!copied) {
      window.prompt(what, text);
      return;
    }
  }
  antiphon.say(what + " copied");
};

/** A text as one word of a shell's command. @param {string} text */
antiphon.quoted = function (text) {
  return /^[\w./:@%+=-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
};

/** Tell everybody, also those who do not see the page. @param {string} text */
antiphon.say = function (text) {
  const said = antiphon.at("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(antiphon.saying);
  antiphon.saying = setTimeout(() => said.classList.remove("shown"), 2500);
};

/** A button that is on or off. @param {HTMLElement} button @param {boolean} on */
antiphon.press = function (button, on) {
  button.setAttribute("aria-pressed", String(on));
};

/** Whether it is on. @param {HTMLElement} button */
antiphon.pressed = function (button) {
  return button.getAttribute("aria-pressed") === "true";
};
