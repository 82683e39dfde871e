// Dropping and pasting a picture, and a look at the one that was chosen. Choosing one works without this.
"use strict";

(() => {
  const input = document.getElementById("picture");
  const drop = document.getElementById("drop");
  const preview = document.getElementById("preview");
  let shown = null;

  function show() {
    if (shown) URL.revokeObjectURL(shown);
    const file = input.files[0];
    shown = file ? URL.createObjectURL(file) : null;
    preview.hidden = !file;
    if (shown) preview.src = shown;
  }

  function take(files) {
    const picture = [...files].find((file) => file.type.startsWith("image/"));
    if (!picture) return false;
    const chosen = new DataTransfer();
    chosen.items.add(picture);
    input.files = chosen.files;
    show();
    return true;
  }

  input.addEventListener("change", show);
  document.addEventListener("paste", (event) => {
    if (event.clipboardData && take(event.clipboardData.files)) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files);
  });
})();
