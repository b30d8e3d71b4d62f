#!/usr/bin/env bash
# Project identity
export PROJECT_NAME="mycelium"

# Programs of the workspaces myceliumd and myceliumd-private
export BINARIES="mycelium mycelium-private"

export ALL_FEATURES="default"
export VERSION="0.7.5"
