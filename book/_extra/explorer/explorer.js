// The explorer: one image, moved in angle, hue and saturation. The image is shifted here, by the formulas of
// zsad.perturb.semantic; scores and maps are looked up on a grid that book/tools/explorer.py has computed. Its files
// are scripts that call zsadExplorer.index and zsadExplorer.image, for a page opened from disk may load nothing else.
"use strict";
window.zsadExplorer = (() => {
  const root = document.getElementById("zsad-explorer");
  const folder = root.dataset.folder;
  const at = (name) => root.querySelector(`[data-part="${name}"]`);
  const RAMP = [[255, 245, 214], [253, 208, 140], [246, 140, 82], [203, 51, 49], [92, 6, 42]]; // low to high
  const SIGN = (value, digits) => value.toFixed(digits).replace(/^-0(\.0*)?$/, "0$1").replace("-", "\u2212");
  const loaded = {}; // file -> image with its pixels
  let index, current, turned, waiting;
  // Shifts: zsad.perturb.semantic for square images, rotation "three_pass".
  function fastLength(least) { // the next length of factors 2, 3 and 5, as scipy.fft.next_fast_len
    for (let length = least; ; length++) {
      let rest = length;
      for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
      if (rest === 1) return length;
    }
  }

  // Move lines of three planes by their shifts (sinc interpolation, cyclic), clamped to [0, 1]. Line `l` begins at
  // l * across and goes on in steps of `along`; of what comes out, `count` values from `from` on are kept. What a
  // Fourier transform of an even length does by phases is here a sum with its kernel, sin(pi t) / tan(pi t / N) / N.
  function shear(planes, lines, length, across, along, shifts, from, count) {
    const out = planes.map(() => new Float64Array(lines * count));
    const kernel = new Float64Array(2 * length), row = planes.map(() => new Float64Array(length));
    for (let line = 0; line < lines; line++) {
      const shift = shifts(line);
      for (let d = 0; d < 2 * length; d++) {
        const t = d - length - shift, turns = t / length;
        kernel[d] = Math.abs(turns - Math.round(turns)) * length < 1e-9
          ? 1 : Math.sin(Math.PI * t) / Math.tan(Math.PI * turns) / length;
      }
      const first = line * across, [r, g, b] = row;
      row.forEach((values, c) => { for (let j = 0; j < length; j++) values[j] = planes[c][first + j * along]; });
      for (let m = 0; m < count; m++) {
        let red = 0, green = 0, blue = 0;
        for (let j = 0, k = from + m + length; j < length; j++, k--) {
          const weight = kernel[k];
          red += r[j] * weight; green += g[j] * weight; blue += b[j] * weight;
        }
        const place = line * count + m;
        [red, green, blue].forEach((value, c) => { out[c][place] = Math.min(1, Math.max(0, value)); });
      }
    }
    return out;
  }

  function turn(planes, n, degrees) {
    if (degrees === 0) return planes;
    const side = fastLength(Math.ceil(n + Math.tan(Math.PI / 8) * n) + 4), start = Math.floor((side - n) / 2);
    let turns = Math.round(degrees / 90); // halves go to the even number, as torch.round does
    if (Math.abs(degrees / 90 % 1) === 0.5 && turns % 2) turns -= 1;
    const angle = (degrees - 90 * turns) * Math.PI / 180, quarter = ((turns % 4) + 4) % 4, last = side - 1;
    const source = [(i, j) => [i, j], (i, j) => [j, last - i], (i, j) => [last - i, last - j], (i, j) => [last - j, i]];
    const inside = (i) => Math.min(n - 1, Math.max(0, i - start));
    let padded = planes.map((plane) => {
      const wide = new Float64Array(side * side);
      for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) {
        const [y, x] = source[quarter](i, j);
        wide[i * side + j] = plane[inside(y) * n + inside(x)];
      }
      return wide;
    });
    // The image's centre in the square: half a pixel off where their sizes differ by an odd number.
    const off = start + (n - side) / 2, cosine = [1, 0, -1, 0][quarter], sine = [0, 1, 0, -1][quarter];
    const offX = cosine * off + sine * off, offY = cosine * off - sine * off;
    const slope = Math.tan(angle / 2), slant = -Math.sin(angle), place = (i) => i - (side - 1) / 2;
    padded = shear(padded, side, side, side, 1, (i) => slope * (place(i) - offY), 0, side);
    padded = shear(padded, side, side, 1, side, (i) => slant * (place(i) - offX) + off - offY, start, n); // transposed
    return shear(padded, n, side, 1, n, (i) => slope * (place(i + start) - off) + off - offX, start, n);
  }

  function recolour(planes, hue, saturation) { // HSV as in kornia.color
    const [reds, greens, blues] = planes, out = new Uint8ClampedArray(4 * reds.length);
    for (let i = 0; i < reds.length; i++) {
      let r = reds[i], g = greens[i], b = blues[i];
      if (hue !== 0 || saturation !== 0) {
        const v = Math.max(r, g, b), spread = v - Math.min(r, g, b), by = spread || 1;
        let h = r >= g && r >= b ? (g - b) / by : g >= b ? 2 + (b - r) / by : 4 + (r - g) / by;
        h = (h + hue * 3 / Math.PI) % 6;
        if (h < 0) h += 6;
        const s = Math.min(1, Math.max(0, (v === 0 ? 0 : spread / (v + 1e-8)) + saturation));
        const sextant = Math.floor(h) % 6, f = h - Math.floor(h);
        const p = v * (1 - s), q = v * (1 - f * s), t = v * (1 - (1 - f) * s);
        [r, g, b] = [[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]][sextant];
      }
      out.set([r * 255, g * 255, b * 255, 255], 4 * i);
    }
    return out;
  }

  function planesOf(data) {
    return [0, 1, 2].map((c) => Float64Array.from({length: data.length / 4}, (_, i) => data[4 * i + c] / 255));
  }

  // Angle in degrees, hue in radians; RGBA in and out.
  const shift = (data, n, angle, hue, saturation) => recolour(turn(planesOf(data), n, angle), hue, saturation);

  function colour(value) {
    const [low, high] = index.scale, x = Math.min(1, Math.max(0, (value - low) / (high - low))) * (RAMP.length - 1);
    const i = Math.min(RAMP.length - 2, Math.floor(x));
    return RAMP[i].map((c, k) => Math.round(c + (RAMP[i + 1][k] - c) * (x - i)));
  }

  function paint(canvas, n, data) {
    canvas.width = canvas.height = n;
    canvas.getContext("2d", {willReadFrequently: true}).putImageData(new ImageData(data, n, n), 0, 0);
  }

  function drawPicture({angle, hue, saturation}) {
    if (!turned || turned.file !== current.file || turned.angle !== angle) {
      turned = {file: current.file, angle, planes: turn(current.planes, current.side, angle)};
    }
    paint(at("picture"), current.side, recolour(turned.planes, hue, saturation));
    const outline = at("outline"), pen = outline.getContext("2d"), n = current.side;
    outline.width = outline.height = n;
    if (!at("mask").checked || !current.edge) return;
    pen.translate(n / 2, n / 2);
    pen.rotate(-angle * Math.PI / 180);
    pen.drawImage(current.edge, -n / 2, -n / 2);
  }

  function drawMap([a, h, s]) { // bilinear, as WinCLIP draws its own
    const n = current.side, {cells, maps, mapsWidth} = current, data = new Uint8ClampedArray(4 * n * n);
    const left = (h * index.grid.saturation.length + s) * cells;
    const number = (y, x) => maps[4 * ((a * cells + y) * mapsWidth + left + x)] / 255;
    const parts = Array.from({length: n}, (_, i) => {
      const x = Math.min(cells - 1, Math.max(0, (i + 0.5) * cells / n - 0.5)), low = Math.floor(x);
      return [low, Math.min(cells - 1, low + 1), x - low];
    });
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      const [y, below, fy] = parts[i], [x, right, fx] = parts[j];
      const top = number(y, x) * (1 - fx) + number(y, right) * fx;
      const bottom = number(below, x) * (1 - fx) + number(below, right) * fx;
      data.set([...colour(top * (1 - fy) + bottom * fy), 255], 4 * (i * n + j));
    }
    paint(at("map"), n, data);
  }

  const degrees = (radians) => radians * 180 / Math.PI;
  const wrapped = (radians) => ((radians + Math.PI) % (2 * Math.PI) + 2 * Math.PI) % (2 * Math.PI) - Math.PI;
  const scoreAt = ([a, h, s]) => current.scores[(a * index.grid.hue.length + h) * index.grid.saturation.length + s];
  const words = ({angle, hue, saturation}) =>
    `angle ${SIGN(angle, 0)}°, hue ${SIGN(degrees(hue), 0)}°, saturation ${SIGN(saturation, 2)}`;

  function nearest(shifted) { // of each parameter: places in the grid
    return ["angle", "hue", "saturation"].map((name) => {
      const far = index.grid[name].map((v) => Math.abs(name === "hue" ? wrapped(v - shifted.hue) : v - shifted[name]));
      return far.indexOf(Math.min(...far));
    });
  }

  const value = (name) => Number(at(name).value);
  const chosen = () => ({angle: value("angle"), hue: value("hue") * Math.PI / 180, saturation: value("saturation")});

  function element(name, attributes, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return Object.assign(made, {textContent: text});
  }

  function drawLandscape(cell, shifted) { // image score over angle x hue at the nearest saturation
    const plot = at("landscape"), {grid} = index, left = 46, top = 8, wide = 18, high = 18;
    const x = (angle) => left + (angle - grid.angle[0]) / (grid.angle[1] - grid.angle[0]) * wide + wide / 2;
    const up = (hue) => (wrapped(hue) - grid.hue[0]) / (grid.hue[1] - grid.hue[0]);
    const y = (hue) => top + (grid.hue.length - 0.5 - up(hue)) * high;
    const box = (a, h) => [left + a * wide, top + (grid.hue.length - 1 - h) * high];
    const alarm = (a, h) => scoreAt([a, h, cell[2]]) >= current.threshold;
    const parts = [], all = [], saturation = grid.saturation[cell[2]];
    const edge = (x1, y1, x2, y2) => parts.push(element("line", {x1, y1, x2, y2, class: "limit"}));
    grid.angle.forEach((angle, a) => grid.hue.forEach((hue, h) => {
      const [bx, by] = box(a, h), score = scoreAt([a, h, cell[2]]), one = {angle, hue, saturation};
      all.push([score, one]);
      const drawn = element("rect", {x: bx, y: by, width: wide, height: high, fill: `rgb(${colour(score)})`});
      drawn.append(element("title", {}, `score ${score.toFixed(3)}: ${words(one)}`));
      drawn.addEventListener("click", () => move({angle, hue}));
      parts.unshift(drawn);
      if (a + 1 < grid.angle.length && alarm(a, h) !== alarm(a + 1, h)) edge(bx + wide, by, bx + wide, by + high);
      if (h + 1 < grid.hue.length && alarm(a, h) !== alarm(a, h + 1)) edge(bx, by, bx + wide, by);
    }));
    const label = (text, lx, ly, anchor) => parts.push(element("text", {x: lx, y: ly, "text-anchor": anchor}, text));
    const bottom = top + grid.hue.length * high;
    [-90, -45, 0, 45, 90].forEach((v) => label(`${SIGN(v, 0)}°`, x(v), bottom + 14, "middle"));
    [-180, -90, 0, 90].forEach((v) => label(`${SIGN(v, 0)}°`, left - 4, y(v * Math.PI / 180) + 4, "end"));
    label("angle, degrees counter-clockwise", x(0), bottom + 30, "middle");
    const upright = `translate(11 ${(top + bottom) / 2}) rotate(-90)`;
    parts.push(element("text", {transform: upright, "text-anchor": "middle"}, "hue, degrees"));
    const here = (point) => nearest({angle: point[0], hue: point[1], saturation: point[2]})[2] === cell[2];
    const tried = current.tries.filter(here);
    const ends = current.ends.filter((e) => here([e.angle, e.hue, e.saturation]));
    tried.forEach((t) => parts.push(element("circle", {cx: x(t[0]), cy: y(t[1]), r: 2, class: "tried"})));
    ends.forEach((e) => {
      const mark = element("rect", {x: -4, y: -4, width: 8, height: 8, class: "end",
        transform: `translate(${x(e.angle)} ${y(e.hue)}) rotate(45)`});
      mark.append(element("title", {}, `search ${e.search} ended here: ${words(e)}`));
      parts.push(mark);
    });
    parts.push(element("circle", {cx: x(shifted.angle), cy: y(shifted.hue), r: 7, class: "here"}));
    plot.replaceChildren(...parts);
    all.sort((one, other) => one[0] - other[0]);
    const said = ([score, one]) => `${score.toFixed(2)} at ${words(one)}`;
    const lowest = said(all[0]), highest = said(all[all.length - 1]);
    plot.setAttribute("aria-label", `Image score over angle and hue. Lowest: ${lowest}; highest: ${highest}.`);
    at("points").textContent = `Saturation ${SIGN(saturation, 2)}. Nearest to it lie ${tried.length} of the ` +
      `${current.tries.length} points that the search tried, and ${ends.length} of the ${current.ends.length} ` +
      "at which kept searches ended.";
  }

  function draw() {
    waiting = null;
    if (!current) return;
    const shifted = chosen(), cell = nearest(shifted), score = scoreAt(cell), alarm = score >= current.threshold;
    const [angle, hue, saturation] = Object.values(index.grid).map((values, i) => values[cell[i]]);
    const on = {angle, hue, saturation};
    [at("angle-out").textContent, at("hue-out").textContent, at("saturation-out").textContent] =
      words(shifted).split(", ").map((part) => part.split(" ")[1]);
    drawPicture(shifted);
    drawMap(cell);
    drawLandscape(cell, shifted);
    const verdict = current.damaged ? (alarm ? "damaged, which it is" : "good: the damage is missed")
      : (alarm ? "damaged: a false alarm" : "good, which it is");
    const text = `Score ${score.toFixed(3)}, threshold ${current.threshold.toFixed(3)}: called ${verdict}.`;
    if (at("score").textContent !== text) at("score").textContent = text;
    at("nearest").textContent = `Map and score are those of the nearest computed shift: ${words(on)}.`;
    at("picture").setAttribute("aria-label", `${current.words}, shifted by ${words(shifted)}`);
    at("map").setAttribute("aria-label", `WinCLIP's map of ${current.words} at ${words(on)}`);
    const made = current.provenance.grid, weights = current.made_from.weights_fingerprint;
    at("origin").textContent = `results/explorer/${current.file}.js, ${made.dtype} · computed at ` +
      `${made.commit.slice(0, 7)}${made.dirty ? "+" : ""} · weights and options ${weights.slice(0, 7)}`;
    root.dataset.shown = [current.file, shifted.angle, at("hue").value, shifted.saturation].join(" ");
  }

  const later = () => { waiting = waiting || requestAnimationFrame(draw); };
  function move(to) {
    Object.keys(index.grid).filter((name) => name in to).forEach((name) => {
      at(name).value = name === "hue" ? degrees(to.hue) : to[name];
    });
    later();
  }

  async function pixels(address) {
    const picture = new Image(), canvas = document.createElement("canvas");
    picture.src = address;
    await picture.decode();
    [canvas.width, canvas.height] = [picture.width, picture.height];
    const pen = canvas.getContext("2d", {willReadFrequently: true});
    pen.drawImage(picture, 0, 0);
    return pen.getImageData(0, 0, canvas.width, canvas.height);
  }

  function edgeOf({data, width: n}) { // a canvas with the mask's rim; none where nothing is damaged
    const rim = new Uint8ClampedArray(4 * n * n), is = (i) => data[4 * i] > 127;
    for (let i = 0; i < n * n; i++) {
      const x = i % n, apart = [i - n, i + n, x ? i - 1 : -1, x < n - 1 ? i + 1 : -1];
      if (is(i) && apart.some((k) => k < 0 || k >= n * n || !is(k))) rim.set([0, 230, 255, 255], 4 * i);
    }
    const canvas = document.createElement("canvas");
    paint(canvas, n, rim);
    return rim.some((value) => value) ? canvas : null;
  }

  function load(file) {
    const script = document.createElement("script");
    script.src = `${folder}/${file}.js`;
    script.onerror = () => { at("score").textContent = `${script.src} cannot be loaded.`; };
    document.head.append(script);
  }

  function choose() {
    const file = at("image").value;
    if (loaded[file]) { current = loaded[file]; later(); } else { at("score").textContent = "Loading."; load(file); }
  }

  async function image(content) {
    const [picture, maps, mask] = await Promise.all([content.picture, content.maps, content.mask].map(pixels));
    const listed = index.images.find((one) => one.id === content.id);
    loaded[listed.file] = {...content, ...listed, side: picture.width, planes: planesOf(picture.data),
      maps: maps.data, mapsWidth: maps.width, edge: edgeOf(mask)};
    if (at("image").value === listed.file) choose();
  }

  function start(content) {
    index = content;
    at("image").replaceChildren(...index.images.map((one) => new Option(one.words, one.file)));
    ["angle", "hue", "saturation", "mask"].forEach((name) => at(name).addEventListener("input", later));
    at("image").addEventListener("change", choose);
    at("reset").addEventListener("click", () => move({angle: 0, hue: 0, saturation: 0}));
    at("worst").addEventListener("click", () => move(current.ends.find((end) => end.search === "as published")));
    at("bar").style.background = `linear-gradient(to right, ${RAMP.map((c) => `rgb(${c})`).join(", ")})`;
    [at("low").textContent, at("high").textContent] = index.scale.map((value) => value.toFixed(2));
    choose();
  }

  load("index");
  return {index: start, image, shift};
})();
