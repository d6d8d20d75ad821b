// SPDX-License-Identifier: GPL-3.0-or-later
// Notes by Basic Pitch: single floats at 22050 Hz on standard input to lines "onset offset pitch velocity" in seconds.
//     node basic_pitch.cjs FOLDER        where `npm install @spotify/basic-pitch` was run in FOLDER
"use strict";
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

async function main() {
  const from = createRequire(path.join(path.resolve(process.argv[2]), "none.js"));
  const home = path.dirname(path.dirname(from.resolve("@spotify/basic-pitch")));
  const tf = createRequire(path.join(home, "none.js"))("@tensorflow/tfjs");
  const { BasicPitch, outputToNotesPoly, noteFramesToTime } = from("@spotify/basic-pitch");
  await tf.setBackend("cpu");
  const model = JSON.parse(fs.readFileSync(path.join(home, "model/model.json"), "utf8"));
  const weights = fs.readFileSync(path.join(home, "model/group1-shard1of1.bin"));
  const graph = tf.loadGraphModel({
    load: async () => ({
      modelTopology: model.modelTopology,
      weightSpecs: model.weightsManifest[0].weights,
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    }),
  });
  const bytes = fs.readFileSync(0);
  const samples = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const frames = [], onsets = [];
  await new BasicPitch(graph).evaluateModel(
    samples,
    (f, o) => {
      frames.push(...f);
      onsets.push(...o);
    },
    () => {},
  );
  for (const note of noteFramesToTime(outputToNotesPoly(frames, onsets))) {
    const end = note.startTimeSeconds + note.durationSeconds;
    console.log(note.startTimeSeconds, end, note.pitchMidi, Math.max(1, Math.min(127, Math.round(127 * note.amplitude))));
  }
}

main();
