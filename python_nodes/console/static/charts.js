// Draws every element with data-chart: its JSON tells the series, the page's own colours paint them.
(() => {
  "use strict";
  const DAY_MS = 86400000;
  const STYLES = {
    observed: { color: "--observed", width: 2, z: 4 },
    expected: { color: "--expected", width: 1.5, dash: [5, 4], z: 3 },
    year_before: { color: "--expected", width: 1, dash: [1, 3], z: 2 },
    peers: { color: "--peers", width: 1.75, dash: [6, 3], z: 3 },
  };
  const drawn = new Map();

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  // A custom property comes back as written, light-dark() and all; a colour that is put to use comes back resolved.
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const faint = (rgb, alpha) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

  const dayAt = (spec, index) => new Date(Date.parse(`${spec.start}T00:00:00Z`) + index * DAY_MS);
  const dayText = (date, long) =>
    date.toLocaleDateString("en-GB", { timeZone: "UTC", day: "numeric", month: "short", ...(long ? { weekday: "short", year: "numeric" } : {}) });

  const figure = (spec, value, short) => {
    if (value === null || value === undefined) return "no figure";
    if (spec.unit === "share") return `${(value * 100).toLocaleString("en-GB", { maximumFractionDigits: Math.abs(value) < 0.1 ? 2 : 1 })} %`;
    const size = Math.abs(value);
    if (short && size >= 10000) return Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 }).format(value);
    const text = value.toLocaleString("en-GB", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
    return spec.currency && !short ? `${text} ${spec.currency}` : text;
  };

  const known = (value) => value !== null && value !== undefined;
  const isOut = (spec, index) => {
    const value = spec.lines[0].values[index];
    return known(value) && spec.band === "Usual range" && known(spec.lower[index]) && (value < spec.lower[index] || value > spec.upper[index]);
  };

  // A day between two gaps has no line to lie on, and one outside the band should be seen: these get a dot.
  const dots = (spec, line, index, colours) => {
    const value = line.values[index];
    if (!known(value)) return { value: null };
    if (line.key === "observed" && isOut(spec, index)) return { value, symbol: "circle", symbolSize: 6, itemStyle: { color: colours.critical } };
    const alone = !known(line.values[index - 1]) && !known(line.values[index + 1]);
    return { value, symbol: alone ? "circle" : "none", symbolSize: 4 };
  };

  const gaps = (values) => {
    const found = [];
    const first = values.findIndex(known);
    if (first < 0) return found;
    for (let at = first; at < values.length; at += 1) {
      if (known(values[at])) continue;
      let end = at;
      while (end + 1 < values.length && !known(values[end + 1])) end += 1;
      // The newest day is not over yet: that it has no figure says nothing.
      if (end < values.length - 1 || end > at) found.push([at, end]);
      at = end;
    }
    return found;
  };

  const areas = (spec, colours) => {
    const last = spec.lines[0].values.length - 1;
    const shaded = gaps(spec.lines[0].values).map(([from, to]) => [
      { xAxis: Math.max(0, from - 0.5), itemStyle: { color: colours.gap } }, { xAxis: Math.min(last, to + 0.5) },
    ]);
    for (const mark of spec.marks || []) {
      if (mark.kind !== "alert") continue;
      const from = Math.max(0, mark.from), to = Math.min(last, mark.to ?? last);
      if (to >= from) shaded.push([{ xAxis: from, itemStyle: { color: faint(colours[mark.tone] || colours.low, 0.16) } }, { xAxis: Math.max(to, from + 0.4) }]);
    }
    return shaded;
  };

  const strokes = (spec, colours) => (spec.marks || []).filter((mark) => mark.kind !== "alert" && mark.from >= 0)
    .map((mark) => ({ xAxis: mark.from, lineStyle: { color: colours[mark.tone] || colours.change, opacity: mark.kind === "raised" ? 0.55 : 1 } }));

  const markedAt = (spec, index) =>
    (spec.marks || []).filter((mark) => (mark.kind !== "alert" ? mark.from === index : mark.from <= index && index <= (mark.to ?? Infinity)));

  const element = (tag, text, parent) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };

  // Nodes, not markup: the page's policy allows no style attribute, and no text of others may become an element.
  const tip = (spec, index) => {
    const box = element("div");
    box.className = "tip";
    element("b", dayText(dayAt(spec, index), true), box);
    const list = element("dl", undefined, box);
    for (const line of spec.lines) {
      element("dt", line.name, list);
      element("dd", figure(spec, line.values[index]), list);
    }
    if (spec.lower && known(spec.lower[index])) {
      element("dt", spec.band, list);
      element("dd", `${figure(spec, spec.lower[index])} – ${figure(spec, spec.upper[index])}`, list);
    }
    for (const mark of markedAt(spec, index).slice(0, 4)) element("p", mark.label, box);
    return box;
  };

  const spoken = (spec, index) => {
    const told = spec.lines.map((line) => `${line.name.toLowerCase()} ${figure(spec, line.values[index])}`);
    if (spec.lower && known(spec.lower[index])) told.push(`${spec.band.toLowerCase()} ${figure(spec, spec.lower[index])} to ${figure(spec, spec.upper[index])}`);
    return `${dayText(dayAt(spec, index), true)}: ${[...told, ...markedAt(spec, index).map((mark) => mark.label)].join(", ")}`;
  };

  const palette = () => {
    const names = ["ink", "quiet", "line", "card", "edge", "gap", "band", "critical", "high", "medium", "low", "change"];
    return Object.fromEntries(names.map((name) => [name, colour(`--${name}`)]));
  };

  const bandSeries = (spec, colours) => {
    if (!spec.lower) return [];
    const shared = { type: "line", stack: "band", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 }, emphasis: { disabled: true }, tooltip: { show: false }, z: 1 };
    return [
      { ...shared, name: "lower", data: spec.lower },
      { ...shared, name: spec.band, data: spec.upper.map((high, index) => (known(high) ? high - spec.lower[index] : null)), areaStyle: { color: colours.band, opacity: 1 } },
    ];
  };

  const option = (spec) => {
    const colours = palette();
    const lines = spec.lines.map((line) => {
      const style = STYLES[line.key] || STYLES.expected, ink = colour(style.color);
      return {
        type: "line", name: line.name, z: style.z, showSymbol: true, connectNulls: false, emphasis: { disabled: true }, silent: true,
        data: line.values.map((value, index) => dots(spec, line, index, colours)), itemStyle: { color: ink },
        lineStyle: { color: ink, width: style.width, type: style.dash || "solid" },
      };
    });
    if (spec.shape === "stack") return { ...frame(spec, colours), series: [everyDay(spec), ...stacked(spec, colours)] };
    lines[0].markArea = { silent: true, data: areas(spec, colours) };
    lines[0].markLine = { silent: true, symbol: "none", label: { show: false }, lineStyle: { type: [2, 3], width: 1.5 }, data: strokes(spec, colours) };
    return { ...frame(spec, colours), series: [everyDay(spec), ...bandSeries(spec, colours), ...lines] };
  };

  // A day without any figure has nothing to point at, and is just the one to be told of.
  const everyDay = (spec) => ({
    type: "line", name: "day", yAxisIndex: 1, data: spec.lines[0].values.map(() => 0), symbol: "none", silent: true, lineStyle: { opacity: 0 }, emphasis: { disabled: true },
  });

  const stacked = (spec, colours) => spec.lines.map((line) => ({
    type: "bar", stack: "all", name: line.name, data: line.values.map((value) => value || null), silent: true, barMaxWidth: 18, itemStyle: { color: colours[line.key] },
  }));

  const frame = (spec, colours) => {
    const many = spec.lines[0].values.length;
    return {
      animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: 6, right: 10, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      xAxis: {
        type: "category", boundaryGap: spec.shape === "stack", data: Array.from({ length: many }, (_, index) => dayText(dayAt(spec, index))),
        axisLine: { lineStyle: { color: colours.line } }, axisTick: { show: false },
        axisLabel: { color: colours.quiet, fontSize: 12, hideOverlap: true, interval: Math.max(0, Math.ceil(many / 6) - 1), alignMinLabel: "left", alignMaxLabel: "right" },
      },
      yAxis: [{
        type: "value", scale: spec.scale === true, inverse: spec.inverse === true, splitNumber: 3, minInterval: spec.whole ? 1 : 0,
        axisLabel: { color: colours.quiet, fontSize: 12, formatter: (value) => figure(spec, value, true) }, splitLine: { lineStyle: { color: colours.line } },
      }, { type: "value", show: false, min: 0, max: 1 }],
      tooltip: {
        trigger: "axis", confine: true, transitionDuration: 0, backgroundColor: colours.card, borderColor: colours.edge, padding: [8, 12],
        axisPointer: { type: "line", lineStyle: { color: colours.edge } },
        formatter: (shown) => tip(spec, (Array.isArray(shown) ? shown[0] : shown).dataIndex),
      },
    };
  };

  const step = (box, chart, spec, by) => {
    const last = spec.lines[0].values.length - 1;
    const at = Math.min(last, Math.max(0, (box.at ?? (by > 0 ? -1 : last + 1)) + by));
    box.at = at;
    chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: at });
    document.getElementById("spoken").textContent = spoken(spec, at);
  };

  const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7, Home: -Infinity, End: Infinity };
  const listen = (box, chart, spec) => {
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") chart.dispatchAction({ type: "hideTip" });
      if (!(event.key in KEYS)) return;
      event.preventDefault();
      step(box, chart, spec, KEYS[event.key]);
    });
    box.addEventListener("blur", () => chart.dispatchAction({ type: "hideTip" }));
  };

  const draw = (box) => {
    if (drawn.has(box)) return;
    const spec = JSON.parse(box.dataset.chart);
    const chart = echarts.init(box, null, { renderer: "canvas" });
    chart.setOption(option(spec));
    if (spec.group) {
      chart.group = spec.group;
      echarts.connect(spec.group);
    }
    drawn.set(box, { chart, spec });
    listen(box, chart, spec);
    sizes.observe(box);
  };

  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) drawn.get(entry.target)?.chart.resize();
  });

  const drop = (root) => {
    for (const [box, { chart }] of drawn) {
      if (root !== box && !root.contains(box)) continue;
      sizes.unobserve(box);
      chart.dispose();
      drawn.delete(box);
    }
  };

  const table = (details) => {
    const place = details.querySelector("[data-figures-of]");
    if (!place || place.childElementCount) return;
    const { spec } = drawn.get(document.getElementById(place.dataset.figuresOf));
    const made = element("table", undefined, place);
    const head = element("tr", undefined, element("thead", undefined, made));
    const names = ["Day", ...spec.lines.map((line) => line.name), ...(spec.lower ? [`${spec.band} from`, "to"] : [])];
    names.forEach((name) => { element("th", name, head).scope = "col"; });
    const body = element("tbody", undefined, made);
    for (let index = spec.lines[0].values.length - 1; index >= 0; index -= 1) {
      const row = element("tr", undefined, body);
      element("th", dayText(dayAt(spec, index), true), row).scope = "row";
      for (const values of [...spec.lines.map((line) => line.values), ...(spec.lower ? [spec.lower, spec.upper] : [])]) {
        element("td", figure(spec, values[index]), row).className = "number";
      }
    }
  };

  const repaint = () => drawn.forEach(({ chart, spec }) => chart.setOption(option(spec), { notMerge: true }));

  window.nightporterCharts = { drawIn: (root) => root.querySelectorAll("[data-chart]").forEach(draw), drop, repaint, table, drawn };
})();
