echo SSH-2.0-example
exec cat
