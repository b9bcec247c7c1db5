# Builds addon and launcher for npm: see CMakeLists.txt for the analysers' build of the same
# sources.
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
            "-ffunction-sections",
            "-fdata-sections",
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
          # The linker runs in build/, too.
          "ldflags": [
            "-static-libstdc++",
            "-static-libgcc",
            "-Wl,--version-script=../native/exports.map",
            # Node unloads an addon with the last worker thread that loaded it, but the library's own
            # threads live on in it.
            "-Wl,-z,nodelete",
            "-Wl,--gc-sections",
            "-Wl,-O2"
          ]
        }]
      ]
    },
    {
      # Without a C library: one program for glibc and musl, which no LD_PRELOAD reaches.
      "target_name": "vethwork-launcher",
      "conditions": [
        ["OS!='linux' or (target_arch!='x64' and target_arch!='arm64')", {"type": "none"}],
        ["OS=='linux' and (target_arch=='x64' or target_arch=='arm64')", {
          "type": "executable",
          "sources": ["<!@(node scripts/sources.mjs launcher)"],
          "include_dirs": ["native"],
          "cflags!": ["-O3", "-pthread", "-fno-omit-frame-pointer"],
          "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=c++17"],
          "cflags_cc": [
            "-std=c++20",
            "-Os",
            "-fno-stack-protector",
            "-fno-unwind-tables",
            "-fno-asynchronous-unwind-tables",
            "-Wall",
            "-Wextra",
            "-Wconversion",
            "-Wshadow",
            "<!@(node -p \"process.env.CI ? '-Werror' : ''\")"
          ],
          "ldflags!": ["-rdynamic", "-pthread"],
          "ldflags": [
            "-static",
            "-nostdlib",
            "-s",
            "-Wl,--build-id=none",
            "-Wl,-z,norelro",
            # zig's linker does so anyway, and does not know the word.
            "<!@(node -p \"(process.env.CXX ?? '').includes('zig') ? '' : '-Wl,-z,noseparate-code'\")"
          ]
        }]
      ]
    }
  ]
}
