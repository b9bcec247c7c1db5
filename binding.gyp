# Builds the addon for npm: see CMakeLists.txt for the analysers' build of the same sources.
{
  "targets": [
    {
      "target_name": "vethwork",
      "conditions": [
        ["OS!='linux'", {"type": "none"}],
        ["OS=='linux'", {
          "sources": ["<!@(node scripts/sources.mjs)"],
          "include_dirs": ["native"],
          # Without the last, an error in a worker thread that is being terminated ends the process.
          "defines": [
            "NAPI_VERSION=8",
            "NAPI_CPP_EXCEPTIONS",
            "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
          ],
          "cflags!": ["-O3", "-fno-omit-frame-pointer"],
          "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20", "-std=c++17"],
          "cflags_cc": [
            "-std=c++20",
            "-O2",
            "-fexceptions",
            "-fvisibility=hidden",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-Wshadow",
            "-Wnon-virtual-dtor",
            # The compiler runs in build/. A directory given by -I too counts as a system one.
            "-isystem", "../<!(node -p \"require('node-addon-api').include_dir\")",
            "-isystem", "<(node_root_dir)/include/node",
            "<!@(node -p \"process.env.CI ? '-Werror' : ''\")"
          ],
          "ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL"]
        }]
      ]
    }
  ]
}
