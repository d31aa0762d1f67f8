#!/usr/bin/env bash
# Builds what travels to a GPU machine into carried/ (ignored by git): the library, packed.
# Then there: python3 tests/Gpu.Carried/device.py all OUT
set -euo pipefail
cd "$(dirname "$0")"
dotnet publish -c Release --nologo
published=bin/Release/net10.0/linux-x64/publish
rm -rf carried
mkdir carried
xz -T2 -3 -c "$published/Gpu.Carried.so" >carried/Gpu.Carried.so.xz
ls -lh carried
