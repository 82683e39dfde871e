// Keys of an item's page, and nothing that does not also work without them: each key presses a button of the page.
"use strict";

(() => {
  const item = document.querySelector("[data-item]");
  if (!item) return;
  const form = document.querySelector("form.ask");
  const keysOff = () => localStorage.getItem("review-keys") === "off";
  const byKey = (key) => [...document.querySelectorAll(`[data-key="${key}"]`)].find((one) => one.checkVisibility());
  const questions = form ? [...form.querySelectorAll("fieldset[data-question]")] : [];
  let turn = 0;

  // Numbers answer the question whose turn it is.
  function giveTurn(place) {
    turn = Math.max(0, Math.min(place, questions.length - 1));
    questions.forEach((question, i) => question.classList.toggle("in-turn", i === turn));
  }

  function answer(number) {
    const question = questions[turn];
    const input = question && question.querySelector(`input[data-number="${number}"]`);
    if (!input) return false;
    if (input.type === "checkbox") {
      input.checked = !input.checked;
    } else {
      input.checked = true;
      giveTurn(turn + 1);
    }
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  function press(key) {
    const target = byKey(key);
    if (!target) return false;
    if (target.matches("input[type=text], textarea, summary")) target.focus();
    else target.click();
    if (target.tagName === "SUMMARY") target.click();
    return true;
  }

  function isTyping(target) {
    return target.matches("input:not([type=radio]):not([type=checkbox]):not([type=submit]), textarea, select, [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.key === "Escape" && isTyping(event.target)) event.target.blur();
    if (keysOff() || isTyping(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let done = false;
    if (/^[1-9]$/.test(key)) done = answer(key);
    else if (key === "ArrowDown" || key === "ArrowUp") {
      if (!event.target.matches("input") && questions.length > 1) {
        giveTurn(turn + (key === "ArrowDown" ? 1 : -1));
        done = true;
      }
    } else if (key === "Enter") {
      // On a button or a link, Enter is theirs.
      if (!event.target.matches("button, a, summary, input[type=submit]")) done = press("j");
    } else if (key.length === 1) done = press(key);
    if (done) event.preventDefault();
  });

  questions.forEach((question, i) => {
    question.addEventListener("focusin", () => giveTurn(i));
    question.addEventListener("click", () => giveTurn(i));
  });

  document.querySelectorAll('a[href="#keys"]').forEach((link) => {
    link.addEventListener("click", () => { document.getElementById("keys").open = true; });
  });

  // One press sends one decision, however often the key is pressed.
  if (form) {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) event.preventDefault();
      sent = true;
    });
    window.addEventListener("pageshow", () => { sent = false; });
  }

  const useKeys = document.querySelector("[data-use-keys]");
  if (useKeys) {
    const show = () => document.body.classList.toggle("keys-off", keysOff());
    useKeys.checked = !keysOff();
    useKeys.closest(".no-keys").classList.remove("no-keys");
    useKeys.addEventListener("change", () => {
      localStorage.setItem("review-keys", useKeys.checked ? "on" : "off");
      show();
    });
    show();
  }
  giveTurn(0);
})();
