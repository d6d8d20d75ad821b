# SPDX-License-Identifier: GPL-3.0-or-later
"""unbraid devices: what it lists, and that nobody else is heard."""
import json

from sound import SoundTest, need_live
from toolkit import main


class Devices(SoundTest):
    def test_a_device_is_listed_with_its_number_and_channels(self):
        done = self.run_tool("devices", "--json", env=self.environment)
        apis = {api["name"]: api["devices"] for api in json.loads(done.out)["host_apis"]}
        named = {device["name"]: device for device in apis["ALSA"]}
        device = named["default"]
        self.assertGreaterEqual(device["inputs"], 2)
        self.assertGreaterEqual(device["outputs"], 2)
        self.assertGreater(device["rate_hz"], 0)
        self.assertGreater(device["output_latency_ms"], 0)
        self.assertIsNone(named["playonly"]["input_latency_ms"])
        text = self.run_tool("devices", env=self.environment).out
        self.assertIn("\nALSA\n", "\n" + text)
        self.assertRegex(text, rf"(?m)^ +{device['number']}  default: \d+ in, \d+ out, ")

    def test_one_device_is_the_default_in_each_direction(self):
        done = self.run_tool("devices", "--json", env=self.environment)
        devices = [d for api in json.loads(done.out)["host_apis"] for d in api["devices"]]
        for direction in ("input", "output"):
            self.assertEqual(sum(d[f"is_default_{direction}"] for d in devices), 1)

    def test_the_libraries_are_not_heard(self):
        # ALSA complains of every device of its standard set-up that leads nowhere.
        for words in ([], ["--json"]):
            self.assertEqual(self.run_tool("devices", *words, env=self.environment).err, "")

    def test_wrong_usage(self):
        self.assert_one_line(self.run_tool("devices", "more", status=2), "more")
        self.assert_one_line(self.run_tool("devices", "--jsn", status=2), "--jsn")


if __name__ == "__main__":
    need_live()
    main()
