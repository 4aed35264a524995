"""The engine of Dolt, which speaks MySQL's protocol and is none: built from its Go module, its tables in memory."""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pymysql

from recorder.golang import build
from servers.postgres import LOOPBACK, PATIENCE, free_port

MODULE = "github.com/dolthub/go-mysql-server@v0.20.0"
MAIN = """
package main

import (
	"os"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
)

func main() {
	database := memory.NewDatabase("shop")
	database.BaseDatabase.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(database)
	config := server.Config{Protocol: "tcp", Address: os.Args[1]}
	sessions := memory.NewSessionBuilder(provider)
	listener, err := server.NewServer(config, sqle.NewDefault(provider), sql.NewContext, sessions, nil)
	if err == nil {
		err = listener.Start()
	}
	panic(err)
}
"""


class Dolt:
    """A server on a free loopback port with one empty database, `shop`; everybody is its root."""

    def __init__(self, folder: Path) -> None:
        self._program = build(folder, MAIN, MODULE)
        self.port = free_port()
        self.url = f"mysql://root@{LOOPBACK}:{self.port}/shop"

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [self._program.resolve(), f"{LOOPBACK}:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Dolt's engine did not start")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def connect(self) -> pymysql.Connection:
        """Open an autocommit connection."""
        return pymysql.connect(host=LOOPBACK, port=self.port, user="root", database="shop", autocommit=True)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0
