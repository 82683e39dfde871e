"use strict";
// The map: points on a canvas, to pan, zoom, pick and walk through. Text reaches the page as text only.
(() => {
  const canvas = document.getElementById("map");
  const told = document.getElementById("told");
  const colouring = document.getElementById("colouring");
  const points = JSON.parse(document.getElementById("points").textContent);
  const view = { x: 0.5, y: 0.5, zoom: 0.92 };
  let chosen = -1, only = null, drag = null, dragged = 0;

  const side = () => Math.min(canvas.clientWidth, canvas.clientHeight);
  const onScreen = (p) => [
    canvas.clientWidth / 2 + (p.x - view.x) * side() * view.zoom,
    canvas.clientHeight / 2 + (p.y - view.y) * side() * view.zoom,
  ];
  const colour = (p) => {
    if (colouring.value === "score") {
      return p.score === null ? "hsl(0 0% 55%)" : `hsl(${Math.round(140 - 140 * p.score)} 70% 45%)`;
    }
    return p.cluster === null ? "hsl(0 0% 60%)" : `hsl(${Math.round((p.cluster * 137.508) % 360)} 65% 45%)`;
  };

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    points.forEach((p, at) => {
      const [x, y] = onScreen(p);
      if (x < -5 || y < -5 || x > canvas.clientWidth + 5 || y > canvas.clientHeight + 5) return;
      context.globalAlpha = only === null || p.cluster === only ? 0.85 : 0.12;
      context.fillStyle = colour(p);
      context.beginPath();
      context.arc(x, y, at === chosen ? 7 : 3.2, 0, 7);
      context.fill();
      if (at === chosen) {
        context.globalAlpha = 1;
        context.lineWidth = 2;
        context.strokeStyle = getComputedStyle(canvas).color;
        context.stroke();
      }
    });
  }

  function choose(at) {
    chosen = at;
    if (at >= 0) {
      const p = points[at];
      const cluster = p.cluster === null ? "no cluster" : `cluster ${p.cluster}`;
      const score = p.score === null ? "" : `, hateful ${p.score.toFixed(2)}`;
      told.textContent = `${p.id} (${cluster}, ${p.decision}${score})${p.words ? ": " + p.words : ""}`;
    }
    draw();
  }

  function nearest(x, y) {
    let best = -1, least = 225;
    points.forEach((p, at) => {
      const [px, py] = onScreen(p);
      const away = (px - x) ** 2 + (py - y) ** 2;
      if (away < least) [best, least] = [at, away];
    });
    return best;
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const before = side() * view.zoom;
    view.zoom = Math.min(400, Math.max(0.3, view.zoom * factor));
    const after = side() * view.zoom;
    view.x += (x - canvas.clientWidth / 2) * (1 / before - 1 / after);
    view.y += (y - canvas.clientHeight / 2) * (1 / before - 1 / after);
    draw();
  }

  function move(dx, dy) {
    view.x += dx / (side() * view.zoom);
    view.y += dy / (side() * view.zoom);
    draw();
  }

  function reset() {
    [view.x, view.y, view.zoom, only] = [0.5, 0.5, 0.92, null];
    draw();
  }

  function show(cluster) {
    only = cluster;
    const own = points.filter((p) => p.cluster === cluster);
    if (own.length) {
      view.x = own.reduce((sum, p) => sum + p.x, 0) / own.length;
      view.y = own.reduce((sum, p) => sum + p.y, 0) / own.length;
      view.zoom = 2;
    }
    canvas.focus();
    draw();
  }

  function step(by) {
    const able = points.map((_, at) => at).filter((at) => only === null || points[at].cluster === only);
    if (!able.length) return;
    const at = able[(able.indexOf(chosen) + by + able.length) % able.length];
    [view.x, view.y] = [points[at].x, points[at].y];
    choose(at);
  }

  const keys = {
    ArrowLeft: () => move(-60, 0), ArrowRight: () => move(60, 0), ArrowUp: () => move(0, -60), ArrowDown: () => move(0, 60),
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: reset, n: () => step(1), p: () => step(-1),
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    [drag, dragged] = [[event.clientX, event.clientY], 0];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag === null) return;
    dragged += Math.abs(drag[0] - event.clientX) + Math.abs(drag[1] - event.clientY);
    move(drag[0] - event.clientX, drag[1] - event.clientY);
    drag = [event.clientX, event.clientY];
  });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("click", (event) => {
    if (dragged < 5) choose(nearest(event.offsetX, event.offsetY));
  });
  const buttons = { closer: () => zoom(1.4), farther: () => zoom(1 / 1.4), whole: reset, next: () => step(1), previous: () => step(-1) };
  for (const [id, act] of Object.entries(buttons)) document.getElementById(id).addEventListener("click", act);
  for (const button of document.querySelectorAll("button[data-cluster]")) {
    button.addEventListener("click", () => show(Number(button.dataset.cluster)));
  }
  colouring.addEventListener("change", draw);
  window.addEventListener("resize", draw);
  draw();
})();
